// What operators watch: events and metrics.
#include <charconv>

#include "supervisor/http/api.hpp"
#include "supervisor/metrics/process_figures.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

using Refused = tl::unexpected<Rejection>;
using Until = OperatorEventReader::Until;

std::optional<std::uint64_t> parse_id(std::string_view text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

tl::expected<Until, Rejection> until(const Request& request) {
  const auto at = request.target.query.find("follow");
  if (at == request.target.query.end() || at->second == "true") return Until::ever;
  if (at->second == "false") return Until::newest;
  return Refused(Rejection{400, "invalid_parameter", "The input is not valid",
                           "query parameter \"follow\" must be true or false", "Correct it."});
}

}  // namespace

awaitable<Answer> get_operator_events(Api* api, RequestPtr request, Parameters) {
  const auto end = until(*request);
  if (!end) co_return Refused(end.error());
  std::optional<std::uint64_t> after;
  if (request->last_event_id) {
    after = parse_id(*request->last_event_id);
    if (!after) {
      co_return Refused(Rejection{400, "invalid_last_event_id", "The input is not valid",
                                  "Last-Event-ID is no id of an event", "Leave it out to read all that are kept."});
    }
  }
  co_return events_response(std::make_shared<OperatorEventReader>(api->operations.events, after, *end));
}

std::string metrics_text(const Api& api) {
  Metrics::Now now;
  now.jobs_running = api.life.admission().running();
  now.jobs_queued = api.life.admission().waiting();
  now.connections = api.connections.size();
  now.connections_evicted = api.connections.evicted();
  for (std::size_t i = 0; i < event_kinds; ++i) {
    const auto kind = static_cast<EventKind>(i);
    now.events[to_string(kind)] = api.operations.events.told(kind);
  }
  for (const auto& kind : api.warm.standing()) {
    auto& warm = now.warm[{kind.profile, kind.prestart}];
    warm.ready += kind.ready;
    warm.preparing += kind.preparing;
  }
  now.lost_log_lines = lost_log_lines();
  now.process = process_figures();
  now.version = CORDON_VERSION;
  return api.operations.metrics.text(now);
}

awaitable<Answer> get_metrics(Api* api, RequestPtr, Parameters) {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = metrics_text(*api);
  co_return response;
}

}  // namespace cordon
