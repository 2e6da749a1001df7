#include "cli/kill_receipt.hpp"

#include <fmt/format.h>

#include "cli/table.hpp"
#include "cli/terminal.hpp"

namespace cordon::cli {
namespace {

void append_line(std::string& out, const char* name, const std::string& text) {
  out += fmt::format("{:<12}{}\n", name, for_one_line(text));
}

void append_ids(std::string& out, const Json& receipt, const char* name) {
  const auto ids = receipt.value(name, Json::array());
  for (const auto& id : ids)
    if (id.is_string()) append_line(out, "", id.get<std::string>());
}

}  // namespace

std::string receipt_text(const Json& receipt) {
  const bool is_direct = receipt.value("way", "") == "direct";
  std::string out;
  append_line(out, "scope", receipt.value("scope", ""));
  append_line(out, "way",
              is_direct ? "through the cgroups, since " + receipt.value("why_direct", "") : "through cordond");
  append_line(out, "engaged", receipt.value("engaged_at", "") + " by " + receipt.value("by", ""));
  append_line(out, "reason", receipt.value("reason", ""));
  append_line(out, "killed", std::to_string(receipt.value("killed", Json::array()).size()));
  append_ids(out, receipt, "killed");
  append_line(out, "survivors", std::to_string(receipt.value("survivors", 0)));
  append_ids(out, receipt, "quarantined");
  append_line(out, "latency", readable_time(receipt.value("latency_ms", 0.0)));
  if (!receipt.value("persisted", false))
    append_line(out, "warning", "it will not survive a restart: " + receipt.value("not_persisted", ""));
  return out;
}

int exit_code_of_receipt(const Json& receipt) {
  return receipt.value("survivors", 1) == 0 ? 0 : 1;
}

}  // namespace cordon::cli
