#include "cli/event_line.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/terminal.hpp"

namespace cordon::cli {
namespace {

std::string text(const nlohmann::ordered_json& event, const char* key) {
  const auto at = event.find(key);
  return at != event.end() && at->is_string() ? for_one_line(at->get<std::string>()) : "";
}

}  // namespace

std::string event_line(const nlohmann::ordered_json& event) {
  if (!event.is_object()) return for_one_line(event.dump());
  auto time = text(event, "time");
  if (time.size() > 19) time.resize(19);
  std::replace(time.begin(), time.end(), 'T', ' ');
  auto line = fmt::format("{}  {:<8}  {:<14}", time, text(event, "severity"), text(event, "kind"));
  const auto subject = event.find("subject");
  if (subject != event.end() && subject->is_object()) {
    const char* space = "  ";
    for (const auto& [name, value] : subject->items()) {
      if (!value.is_string()) continue;
      line += space + for_one_line(name) + "=" + for_one_line(value.get<std::string>());
      space = " ";
    }
  }
  return line + "  " + text(event, "detail");
}

}  // namespace cordon::cli
