#include "supervisor/egress/job_flows.hpp"

namespace cordon {
namespace {

constexpr std::uint16_t dns_port = 53;

void put_text(Json& out, const char* name, const std::string& text) {
  if (!text.empty()) out[name] = text;
}

Json reason_or_null(FlowReason reason) {
  return reason == FlowReason::none ? Json() : Json(to_string(reason));
}

void add_to(FlowClosed& sum, const FlowClosed& one) {
  sum.bytes_up += one.bytes_up;
  sum.bytes_down += one.bytes_down;
  if (one.reason != FlowReason::none) sum.reason = one.reason;
}

}  // namespace

std::size_t JobFlows::add(Row row) {
  rows_.push_back(std::move(row));
  changes.ring();
  return rows_.size() - 1;
}

std::optional<std::size_t> JobFlows::place(const FlowDecided& allowed) {
  const auto own_rows = rows_.size() - shared_.size() - denials_.size();
  if (own_rows < max_told_flows) return add({allowed, std::nullopt});
  const std::pair to(allowed.name, allowed.port);
  changes.ring();
  if (const auto at = shared_.find(to); at != shared_.end()) return ++rows_[at->second].count, at->second;
  if (shared_.size() == max_shared_rows) return ++untold_, std::nullopt;
  FlowDecided what;
  what.name = allowed.name, what.port = allowed.port, what.mode = allowed.mode;
  Row row{std::move(what), std::nullopt};
  row.is_shared = true;
  row.closed = FlowClosed{};
  return shared_[to] = add(std::move(row));
}

void JobFlows::take(const FlowDecided& decided) {
  if (!decided.allowed()) return deny(decided, false, 1);
  live_.insert(decided.flow);
  if (const auto at = place(decided)) open_[decided.flow] = *at;
}

void JobFlows::take(const FlowClosed& closed) {
  live_.erase(closed.flow);
  changes.ring();
  const auto at = open_.find(closed.flow);
  if (at == open_.end()) return;
  auto& row = rows_[at->second];
  if (row.is_shared)
    add_to(*row.closed, closed);
  else
    row.closed = closed;
  open_.erase(at);
}

void JobFlows::take(const FlowMoved& moved) {
  const auto at = open_.find(moved.flow);
  if (at != open_.end() && !rows_[at->second].is_shared) rows_[at->second].moved = moved;
}

void JobFlows::deny(FlowDecided what, bool is_query, std::uint64_t times) {
  const DenialKey key{what.name, what.port, what.reason, is_query};
  const auto at = denials_.find(key);
  if (at != denials_.end()) {
    rows_[at->second].count += times;
    return changes.ring();
  }
  if (denials_.size() == max_told_denials)
    untold_ += times;
  else
    denials_[key] = add({std::move(what), std::nullopt, times, is_query});
}

void JobFlows::take(const DeniedAgain& again) {
  FlowDecided what;
  what.name = again.name, what.port = again.port, what.reason = again.reason;
  deny(std::move(what), false, again.times);
}

void JobFlows::take(const QueryDenied& query) {
  FlowDecided what;
  what.name = query.name, what.port = dns_port, what.reason = query.reason;
  deny(std::move(what), true, query.times);
}

void JobFlows::take(const JobClosed& /*totals*/) {
  closed_ = over_ = true;
  live_.clear();
  cut_is_heard();
}

void JobFlows::begin_cut() {
  is_cutting_ = !over_;
}

void JobFlows::cut_is_heard() {
  is_cutting_ = false;
  changes.ring();
}

void JobFlows::lose() {
  if (closed_) return;
  for (const auto& [flow, row] : open_) rows_[row].is_lost = true;
  open_.clear();
  live_.clear();
  closed_ = true;
  changes.ring();
}

Json JobFlows::json_of(const Row& row) {
  const auto& decided = row.decided;
  const bool allowed = decided.allowed();
  const auto reason = allowed && row.closed ? row.closed->reason : decided.reason;
  Json out = {{"name", decided.name},
              {"port", decided.port},
              {"verdict", allowed ? "allowed" : "denied"},
              {"reason", row.is_lost ? Json("egress_lost") : reason_or_null(reason)},
              {"bytes_up", nullptr},
              {"bytes_down", nullptr}};
  if (!allowed) {
    out["bytes_up"] = out["bytes_down"] = 0;
    out["count"] = row.count;
    if (row.is_query) out["query"] = true;
  } else {
    out["mode"] = egress_modes[static_cast<std::size_t>(decided.mode)];
    if (row.is_shared) out["count"] = row.count;
  }
  put_text(out, "server_name", decided.server_name);
  put_text(out, "host", decided.host);
  put_text(out, "method", decided.method);
  put_text(out, "path", decided.path);
  if (row.moved && !row.is_lost) {
    out["bytes_up"] = row.moved->bytes_up;
    out["bytes_down"] = row.moved->bytes_down;
  }
  if (row.closed) {
    out["bytes_up"] = row.closed->bytes_up;
    out["bytes_down"] = row.closed->bytes_down;
  }
  if (row.closed && !row.is_shared) {
    out["duration_ms"] = static_cast<double>(row.closed->duration_us) / 1000.0;
    out["address"] = row.closed->dialled ? Json(row.closed->dialled->text()) : Json();
  }
  return out;
}

Json JobFlows::json() const {
  Json out = Json::array();
  for (const auto& row : rows_) out.push_back(json_of(row));
  if (untold_ > 0)
    out.push_back({{"name", ""}, {"port", 0}, {"verdict", "untold"}, {"reason", "too_many_rows"}, {"count", untold_}});
  return out;
}

}  // namespace cordon
