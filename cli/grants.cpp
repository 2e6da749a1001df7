// `cordon grant`: what somebody may do for a while; and `cordon context`: what an actor may have read so far.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/grant_secret.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"

namespace cordon::cli {
namespace {

std::string path_of(const std::string& name) {
  return "/v1/grants/" + percent_encoded(name);
}

void put_text(Json& request, const char* key, const std::string& value) {
  if (!value.empty()) request[key] = value;
}

void put_list(Json& request, const char* key, const std::vector<std::string>& values) {
  if (!values.empty()) request[key] = values;
}

Json request_of(const GrantOptions& options) {
  Json request = Json::object();
  if (options.uid) request["uid"] = *options.uid;
  put_text(request, "actor", options.actor);
  put_text(request, "tenant", options.tenant);
  put_text(request, "task", options.task);
  put_list(request, "tools", options.tools);
  put_list(request, "profiles", options.profiles);
  put_list(request, "actions", options.actions);
  put_list(request, "resources", options.resources);
  put_list(request, "data_classes", options.data_classes);
  if (options.expires_s != 0) request["expires_s"] = options.expires_s;
  if (options.uses != 0) request["uses"] = options.uses;
  return request;
}

std::string list_text(const Json& grant, const char* key) {
  const auto list = grant.find(key);
  if (list == grant.end() || !list->is_array()) return "any";
  std::string out;
  for (const auto& one : *list) out += (out.empty() ? "" : ",") + one.get<std::string>();
  return out;
}

std::string uses_text(const Json& grant) {
  const auto uses = grant.value("uses", Json());
  return fmt::format("{} of {}", grant.value("used", 0), uses.is_null() ? "any" : uses.dump());
}

std::string state_text(const Json& grant) {
  const auto revoked_by = grant.value("revoked_by", Json());
  if (revoked_by.is_string()) return "revoked by " + revoked_by.get<std::string>();
  const auto left = grant.value("expires_in_s", std::int64_t{0});
  return left == 0 ? "expired" : fmt::format("{} s left", left);
}

void print_line(const char* name, const std::string& value) {
  fmt::print("  {:<13}{}\n", name, for_one_line(value));
}

void print_grant(const Json& grant) {
  fmt::print("{}  {}\n", for_one_line(grant.value("name", "")), for_one_line(state_text(grant)));
  print_line("uid", grant.value("uid", Json()).dump());
  for (const char* key : {"actor", "tenant", "task", "parent", "made_by", "made_at", "expires_at"}) {
    const auto value = grant.value(key, "");
    if (!value.empty()) print_line(key, value);
  }
  for (const char* key : {"tools", "profiles", "actions", "resources", "data_classes"})
    print_line(key, list_text(grant, key));
  print_line("used", uses_text(grant));
}

// The secret goes to standard output alone, so that it can be caught by a script and nothing else.
int print_minted(const Session& session, const Json& minted) {
  if (session.json) {
    fmt::print("{}\n", minted.dump(2));
    return 0;
  }
  fmt::print("{}\n", minted.at("grant").get<std::string>());
  fmt::print(stderr, "cordon: grant {}, {}; its secret is above and is not shown again\n", minted.value("name", ""),
             state_text(minted));
  return 0;
}

}  // namespace

int create_grant(const Session& session, const GrantOptions& options) {
  return print_minted(session, operator_client(session).get_json({"POST", "/v1/grants", request_of(options).dump()}));
}

int narrow_grant(const Session& session, const GrantOptions& options) {
  auto request = request_of(options);
  request["parent"] = grant_secret(options.secret_file);
  return print_minted(session, agent_client(session).get_json({"POST", "/v1/grants", request.dump()}));
}

int list_grants(const Session& session) {
  const auto grants = broadest_client(session).get_json({.target = "/v1/grants"}).at("grants");
  if (session.json) {
    fmt::print("{}\n", grants.dump(2));
    return 0;
  }
  std::vector<Row> rows;
  for (const auto& grant : grants)
    rows.push_back({grant.value("name", ""), grant.value("uid", Json()).dump(), grant.value("task", ""),
                    list_text(grant, "tools"), list_text(grant, "profiles"), uses_text(grant), state_text(grant)});
  fmt::print("{}", table({"NAME", "UID", "TASK", "TOOLS", "PROFILES", "USED", "STATE"}, rows));
  return 0;
}

int show_grant(const Session& session, const std::string& name) {
  const auto grant = broadest_client(session).get_json({.target = path_of(name)});
  if (session.json) {
    fmt::print("{}\n", grant.dump(2));
  } else {
    print_grant(grant);
  }
  return 0;
}

int revoke_grant(const Session& session, const std::string& name, bool kill) {
  const auto done = broadest_client(session).get_json({"DELETE", path_of(name) + (kill ? "?kill=true" : "")});
  if (session.json) {
    fmt::print("{}\n", done.dump(2));
  } else {
    fmt::print("revoked {}, cut the network of {}, killed {}\n", done.at("revoked").size(), done.at("cut").size(),
               done.at("killed").size());
  }
  const bool all_cut = done.value("all_cut", false);
  if (!all_cut)
    fmt::print(stderr,
               "cordon-egress did not say within 5 s that every flow is cut: revoke with --kill, or restart it\n");
  return all_cut && done.value("persisted", false) ? 0 : 1;
}

int list_contexts(const Session& session) {
  const auto contexts = operator_client(session).get_json({.target = "/v1/contexts"}).at("contexts");
  if (session.json) {
    fmt::print("{}\n", contexts.dump(2));
    return 0;
  }
  std::vector<Row> rows;
  for (const auto& one : contexts) {
    const auto data = one.value("provenance", Json::object());
    rows.push_back({one.value("actor", ""), one.value("task", ""), data.value("trust", ""), list_text(data, "sources"),
                    list_text(data, "data_classes")});
  }
  fmt::print("{}", table({"ACTOR", "TASK", "TRUST", "SOURCES", "DATA CLASSES"}, rows));
  return 0;
}

int clear_context(const Session& session, const std::string& actor, const std::string& task) {
  const auto query = task.empty() ? "" : "?task=" + percent_encoded(task);
  (void)operator_client(session).get_json({"DELETE", "/v1/contexts/" + percent_encoded(actor) + query});
  fmt::print("cleared\n");
  return 0;
}

}  // namespace cordon::cli
