#include "cli/approval_text.hpp"

#include <fmt/format.h>

#include "cli/table.hpp"
#include "cli/terminal.hpp"

namespace cordon::cli {
namespace {

std::string text_in(const Json& value, const char* key) {
  const auto at = value.find(key);
  if (at == value.end() || at->is_null()) return "";
  return at->is_string() ? at->get<std::string>() : at->dump();
}

void append_line(std::string& out, const char* name, const std::string& text) {
  if (!text.empty()) out += fmt::format("  {:<10}{}\n", name, for_one_line(text));
}

// As a shell would have to be told it, so that where an argument ends is seen.
std::string quoted(const Json& words) {
  std::string out;
  for (const auto& word : words)
    out += (out.empty() ? "" : " ") + word.dump(-1, ' ', false, Json::error_handler_t::replace);
  return out;
}

std::string joined(const Json& words) {
  std::string out;
  for (const auto& word : words)
    out += (out.empty() ? "" : ", ") + (word.is_string() ? word.get<std::string>() : word.dump());
  return out;
}

std::string need_line(const Json& need) {
  const auto by = joined(need.value("by", Json::array()));
  return fmt::format("{}: {} ({} of {} by {})", need.value("rule", ""), need.value("why", ""), need.value("given", 0),
                     need.value("people", 0), by.empty() ? "any operator" : by);
}

std::string file_line(const Json& file) {
  return fmt::format("{} ({}{}, sha256 {})", file.value("path", ""), file.value("artifact", false) ? "artifact, " : "",
                     readable_bytes(file.value("bytes", 0.0)), file.value("sha256", ""));
}

void append_action(std::string& out, const Json& action) {
  const auto& tool = action.value("tool", Json());
  if (tool.is_object()) append_line(out, "tool", text_in(tool, "name") + ", owner " + text_in(tool, "owner"));
  append_line(out, "command", quoted(action.value("argv", Json::array())));
  append_line(out, "profile",
              fmt::format("{} (sha256 {})", text_in(action, "profile"), text_in(action, "profile_sha256")));
  const auto image_sha256 = action.value("image_sha256", Json());
  append_line(
      out, "image",
      text_in(action, "image") + (image_sha256.is_string() ? " (sha256 " + text_in(action, "image_sha256") + ")" : ""));
  for (const auto& variable : action.value("env", Json::array())) append_line(out, "env", variable.get<std::string>());
  for (const auto& file : action.value("files", Json::array())) append_line(out, "file", file_line(file));
  const auto input = action.value("stdin", Json::object());
  if (input.value("bytes", 0) > 0)
    append_line(out, "stdin",
                fmt::format("{}, sha256 {}", readable_bytes(input.value("bytes", 0.0)), text_in(input, "sha256")));
  append_line(out, "egress", joined(action.value("egress", Json::array())));
  append_line(out, "limits", text_in(action, "limits"));
  append_line(out, "data", text_in(action, "provenance"));
  append_line(out, "labels", text_in(action, "labels"));
}

void append_previews(std::string& out, const Json& previews) {
  for (const auto& one : previews) {
    out += fmt::format("  --- {}{}{}\n", for_one_line(one.value("path", "")),
                       one.value("encoding", "") == "utf8" ? "" : " (base64)",
                       one.value("whole", true) ? "" : " (its beginning)");
    std::string line;
    for (const char c : one.value("content", "") + "\n") {
      if (c != '\n') {
        line += c;
        continue;
      }
      out += fmt::format("  | {}\n", for_one_line(line));
      line.clear();
    }
  }
}

}  // namespace

std::string approval_text(const Json& approval) {
  std::string out =
      fmt::format("{}  {}\n", for_one_line(approval.value("job", "")), for_one_line(approval.value("state", "")));
  const auto submitter = approval.value("submitter", Json::object());
  append_line(out, "asked by",
              fmt::format("{} (uid {}, tenant {}) at {}", text_in(submitter, "actor"), text_in(submitter, "uid"),
                          text_in(submitter, "tenant"), text_in(approval, "asked_at")));
  append_line(out, "grant", text_in(approval, "grant").empty() ? "none" : text_in(approval, "grant"));
  for (const auto& need : approval.value("needs", Json::array())) append_line(out, "why", need_line(need));
  for (const auto& vote : approval.value("votes", Json::array()))
    append_line(out, "approved", vote.value("actor", "") + " at " + vote.value("at", ""));
  append_line(out, "until",
              fmt::format("{} ({} s)", text_in(approval, "expires_at"), approval.value("expires_in_s", 0)));
  append_action(out, approval.value("action", Json::object()));
  append_line(out, "binding", text_in(approval, "binding_sha256"));
  append_previews(out, approval.value("previews", Json::array()));
  return out;
}

}  // namespace cordon::cli
