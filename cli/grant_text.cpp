#include "cli/grant_text.hpp"

#include <fmt/format.h>

#include "cli/table.hpp"
#include "cli/terminal.hpp"

namespace cordon::cli {
namespace {

void put_text(Json& request, const char* key, const std::string& value) {
  if (!value.empty()) request[key] = value;
}

void put_list(Json& request, const char* key, const std::vector<std::string>& values) {
  if (!values.empty()) request[key] = values;
}

std::string list_text(const Json& grant, const char* key) {
  const auto list = grant.find(key);
  if (list == grant.end() || !list->is_array()) return "any";
  if (list->empty()) return "none";
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

void append_line(std::string& out, const char* name, const std::string& value) {
  out += fmt::format("  {:<13}{}\n", name, for_one_line(value));
}

}  // namespace

Json grant_request(const GrantOptions& options) {
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

std::string grant_text(const Json& grant) {
  std::string out = fmt::format("{}  {}\n", for_one_line(grant.value("name", "")), for_one_line(state_text(grant)));
  append_line(out, "uid", grant.value("uid", Json()).dump());
  for (const char* key : {"actor", "tenant", "task", "parent", "made_by", "made_at", "expires_at"}) {
    const auto value = grant.value(key, "");
    if (!value.empty()) append_line(out, key, value);
  }
  for (const char* key : {"tools", "profiles", "actions", "resources", "data_classes"})
    append_line(out, key, list_text(grant, key));
  append_line(out, "used", uses_text(grant));
  return out;
}

std::string grants_table(const Json& grants) {
  std::vector<Row> rows;
  for (const auto& grant : grants)
    rows.push_back({grant.value("name", ""), grant.value("uid", Json()).dump(), grant.value("task", ""),
                    list_text(grant, "tools"), list_text(grant, "profiles"), uses_text(grant), state_text(grant)});
  return table({"NAME", "UID", "TASK", "TOOLS", "PROFILES", "USED", "STATE"}, rows);
}

std::string contexts_table(const Json& contexts) {
  std::vector<Row> rows;
  for (const auto& one : contexts) {
    const auto data = one.value("provenance", Json::object());
    rows.push_back({one.value("actor", ""), one.value("task", ""), data.value("trust", ""), list_text(data, "sources"),
                    list_text(data, "data_classes")});
  }
  return table({"ACTOR", "TASK", "TRUST", "SOURCES", "DATA CLASSES"}, rows);
}

std::string minted_text(const Json& minted) {
  return fmt::format("grant {}, {}; its secret is above and is not shown again", for_one_line(minted.value("name", "")),
                     for_one_line(state_text(minted)));
}

std::string revoked_text(const Json& done) {
  return fmt::format("revoked {}, cut the network of {}, killed {}\n", done.at("revoked").size(), done.at("cut").size(),
                     done.at("killed").size());
}

bool all_cut(const Json& done) {
  return done.value("all_cut", false);
}

int exit_code_of_revocation(const Json& done) {
  return all_cut(done) && done.value("persisted", false) ? 0 : 1;
}

}  // namespace cordon::cli
