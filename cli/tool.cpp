// `cordon tool …`: what tools there are, whether they are well, and what operators decide about them.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"
#include "profiles/sha256.hpp"
#include "profiles/tool.hpp"

namespace cordon::cli {
namespace {

std::string target_of(const std::string& name) {
  return "/v1/tools/" + percent_encoded(name);
}

std::string text(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? for_one_line(at->get<std::string>()) : std::string();
}

std::string read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Failure(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  auto bytes = read_everything(fd, path);
  ::close(fd);
  return bytes;
}

std::string stem(const std::string& path) {
  const auto name = path.substr(path.rfind('/') + 1);
  return name.substr(0, name.rfind('.'));
}

// What of a definition lies beside it and is not as it is pinned.
FieldErrors wrong_script(const Tool& tool, const std::string& file) {
  if (!tool.script) return {};
  const auto path = file.substr(0, file.rfind('/') + 1) + tool.script->file;
  const auto found = sha256(read_file(path));
  if (found == tool.script->sha256) return {};
  return {{"/script/sha256", fmt::format("is {}, {} has {}", hex(tool.script->sha256), path, hex(found))}};
}

Json errors_json(const FieldErrors& errors) {
  auto list = Json::array();
  for (const auto& error : errors) list.push_back({{"pointer", error.pointer}, {"detail", error.detail}});
  return list;
}

void print_drift(const Json& tool) {
  for (const auto& fault : tool.value("drift", Json::array()))
    fmt::print(stderr, "cordon: {} {}\n", text(fault, "pointer"), text(fault, "detail"));
}

int decide(const Session& session, const std::string& name, const Json& body) {
  const auto tool = operator_client(session).get_json(
      {"PUT", target_of(name), body.dump(-1, ' ', false, Json::error_handler_t::replace)});
  if (session.json) {
    fmt::print("{}\n", json_text(tool));
  } else {
    fmt::print("{} is {}\n", text(tool, "name"), text(tool, "state"));
    print_drift(tool);
  }
  return 0;
}

}  // namespace

int list_tools(const Session& session) {
  const auto tools = broadest_client(session).get_json({.target = "/v1/tools"}).at("tools");
  if (session.json) {
    fmt::print("{}\n", json_text(tools));
    return 0;
  }
  std::vector<Row> rows;
  for (const auto& tool : tools)
    rows.push_back({text(tool, "name"), text(tool, "version"), text(tool, "state"), text(tool, "side_effects"),
                    text(tool, "owner"), text(tool, "why")});
  fmt::print("{}", table({"NAME", "VERSION", "STATE", "SIDE EFFECTS", "OWNER", "WHY"}, rows));
  return 0;
}

int show_tool(const Session& session, const std::string& name) {
  const auto tool = broadest_client(session).get_json({.target = target_of(name)});
  fmt::print("{}\n", json_text(tool));
  return 0;
}

int check_tool(const Session& session, const std::string& file) {
  const auto tool = parse_tool(stem(file), read_file(file));
  const auto errors = tool ? wrong_script(*tool, file) : tool.error();
  if (session.json) {
    fmt::print("{}\n", Json{{"file", file}, {"name", stem(file)}, {"errors", errors_json(errors)}}.dump(
                           2, ' ', false, Json::error_handler_t::replace));
    return errors.empty() ? 0 : 1;
  }
  for (const auto& error : errors)
    fmt::print(stderr, "{}: {}: {}\n", file, error.pointer.empty() ? "(the document)" : for_one_line(error.pointer),
               for_one_line(error.detail));
  if (!errors.empty()) return 1;
  fmt::print("{}: ok\n  version       {}\n  owner         {}\n  why           {}\n  side effects  {}{}\n", file,
             for_one_line(tool->version), for_one_line(tool->owner), for_one_line(tool->why),
             to_string(tool->side_effects), happens_once(*tool) ? ", never twice" : "");
  return 0;
}

int check_tool_health(const Session& session, const std::string& name) {
  const auto job = operator_client(session).get_json({"POST", target_of(name) + "/health"});
  const auto outcome = job.value("outcome", Json());
  const bool well = text(outcome, "kind") == "exited" && outcome.value("code", 1) == 0;
  if (session.json) {
    fmt::print("{}\n", json_text(job));
  } else {
    fmt::print("{} is {}\n", for_one_line(name), well ? "well" : "not well: " + json_text(outcome, -1));
    if (!well) fmt::print(stderr, "  cordon logs {}\n", text(job, "id"));
  }
  return well ? 0 : 1;
}

// What it is now is approved: whoever does that has looked at it. Another change meanwhile is refused.
int approve_tool(const Session& session, const std::string& name, const std::string& digest) {
  return decide(session, name, {{"approve", digest}});
}

int disable_tool(const Session& session, const std::string& name, const std::string& reason) {
  return decide(session, name, {{"enabled", false}, {"reason", reason}});
}

int enable_tool(const Session& session, const std::string& name) {
  return decide(session, name, {{"enabled", true}});
}

}  // namespace cordon::cli
