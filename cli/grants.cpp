// `cordon grant`: what somebody may do for a while; and `cordon context`: what an actor may have read so far.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/grant_secret.hpp"
#include "cli/grant_text.hpp"
#include "cli/json_text.hpp"

namespace cordon::cli {
namespace {

std::string path_of(const std::string& name) {
  return "/v1/grants/" + percent_encoded(name);
}

// The secret goes to standard output alone, so that it can be caught by a script and nothing else.
int print_minted(const Session& session, const Json& minted) {
  if (session.json) {
    fmt::print("{}\n", json_text(minted));
    return 0;
  }
  fmt::print("{}\n", minted.at("grant").get<std::string>());
  fmt::print(stderr, "cordon: {}\n", minted_text(minted));
  return 0;
}

}  // namespace

int create_grant(const Session& session, const GrantOptions& options) {
  return print_minted(session,
                      operator_client(session).get_json({"POST", "/v1/grants", grant_request(options).dump()}));
}

int narrow_grant(const Session& session, const GrantOptions& options) {
  auto request = grant_request(options);
  request["parent"] = grant_secret(options.secret_file);
  return print_minted(session, agent_client(session).get_json({"POST", "/v1/grants", request.dump()}));
}

int list_grants(const Session& session) {
  const auto grants = broadest_client(session).get_json({.target = "/v1/grants"}).at("grants");
  if (session.json) {
    fmt::print("{}\n", json_text(grants));
    return 0;
  }
  fmt::print("{}", grants_table(grants));
  return 0;
}

int show_grant(const Session& session, const std::string& name) {
  const auto grant = broadest_client(session).get_json({.target = path_of(name)});
  fmt::print("{}", session.json ? json_text(grant) + "\n" : grant_text(grant));
  return 0;
}

int revoke_grant(const Session& session, const std::string& name, bool kill) {
  const auto done = broadest_client(session).get_json({"DELETE", path_of(name) + (kill ? "?kill=true" : "")});
  fmt::print("{}", session.json ? json_text(done) + "\n" : revoked_text(done));
  if (!all_cut(done))
    fmt::print(stderr,
               "cordon-egress did not say within 5 s that every flow is cut: revoke with --kill, or restart it\n");
  return exit_code_of_revocation(done);
}

int list_contexts(const Session& session) {
  const auto contexts = operator_client(session).get_json({.target = "/v1/contexts"}).at("contexts");
  if (session.json) {
    fmt::print("{}\n", json_text(contexts));
    return 0;
  }
  fmt::print("{}", contexts_table(contexts));
  return 0;
}

int clear_context(const Session& session, const std::string& actor, const std::string& task) {
  const auto query = task.empty() ? "" : "?task=" + percent_encoded(task);
  (void)operator_client(session).get_json({"DELETE", "/v1/contexts/" + percent_encoded(actor) + query});
  fmt::print("cleared\n");
  return 0;
}

}  // namespace cordon::cli
