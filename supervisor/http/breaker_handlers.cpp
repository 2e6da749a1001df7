// Circuits that stopped a loop: which are open, and closing them.
#include "supervisor/http/api.hpp"
#include "supervisor/jobs/job_json.hpp"

namespace cordon {
namespace {

Json breaker_json(const CircuitBreaker::Tripped& tripped) {
  return {{"actor", tripped.actor},
          {"tool", tripped.tool.empty() ? Json() : Json(tripped.tool)},
          {"profile", tripped.profile},
          {"rule", to_string(tripped.kind)},
          {"count", tripped.count},
          {"state", tripped.wait == std::chrono::nanoseconds(0) || tripped.trial ? "half_open" : "open"},
          {"retry_after", std::chrono::ceil<std::chrono::seconds>(tripped.wait).count()}};
}

}  // namespace

awaitable<Answer> get_breakers(Api* api, RequestPtr, Parameters) {
  Json breakers = Json::array();
  for (const auto& tripped : api->life.admission().breaker().open(Clock::now())) {
    breakers.push_back(breaker_json(tripped));
  }
  Response response;
  response.body = dump({{"breakers", std::move(breakers)}});
  co_return response;
}

awaitable<Answer> reset_breaker(Api* api, RequestPtr request, Parameters parameters) {
  const auto& actor = parameters.at(0);
  const auto closed = api->life.reset_breaker(actor);
  if (closed > 0)
    api->operations.tell(EventKind::breaker_closed, {actor},
                         std::to_string(closed) + " circuits were closed by " + request->caller.account.actor);
  Response response;
  response.body = dump({{"actor", actor}, {"reset", closed}});
  co_return response;
}

}  // namespace cordon
