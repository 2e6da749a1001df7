// `cordon kill` and `cordon release`: through cordond, and for everything also without it.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/kill_receipt.hpp"
#include "cli/table.hpp"
#include "sandbox/stop_all.hpp"

namespace cordon::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto sign_of_life = 1s;      // within which a cordond that is well answers anything
constexpr auto receipt_patience = 8s;  // it tells the truth after 5 s
constexpr auto direct_patience = 5s;

std::string path_of(const std::string& scope) {
  return "/v1/kill/" + percent_encoded(scope);
}

Request engage_request(const std::string& scope, const std::string& reason) {
  return {
      .method = "PUT", .target = path_of(scope), .body = Json{{"reason", reason}}.dump(), .timeout = receipt_patience};
}

std::string now_text(std::chrono::system_clock::time_point time) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)), ms % 1000);
}

Json receipt_of(const StopReceipt& stopped, const std::string& why) {
  return {{"scope", "all"},
          {"generation", nullptr},  // cordond's; it was not asked
          {"engaged_at", now_text(stopped.word.engaged_at)},
          {"by", stopped.word.by},
          {"reason", stopped.word.reason},
          {"killed", stopped.killed},
          {"survivors", stopped.survivors.size()},
          {"quarantined", stopped.survivors},
          {"latency_ms", static_cast<double>(stopped.latency.count()) / 1000},
          {"persisted", stopped.not_persisted.empty()},
          {"not_persisted", stopped.not_persisted},
          {"way", "direct"},
          {"why_direct", why}};
}

// Empty: here is its receipt. Else why cordond is not the way.
std::string try_cordond(const Client& client, const std::string& reason, Json& receipt) {
  try {
    const auto alive = client.send({.target = "/v1/info", .timeout = sign_of_life});
    if (alive.status != 200) return fmt::format("cordond answered {}", alive.status);
    const auto response = client.send(engage_request("all", reason));
    if (response.status != 200) return fmt::format("cordond answered {}", response.status);
    receipt = parse_answer(response.body);
    return {};
  } catch (const Failure& failure) {
    return failure.what();
  }
}

Json stop_directly(const Session& session, const std::string& reason, const std::string& why) {
  const StopAll word{std::chrono::system_clock::now(), "uid:0", reason};
  try {
    return receipt_of(stop_everything(session.runtime_dir, word, direct_patience), why);
  } catch (const std::exception& e) {
    throw Failure(
        fmt::format("neither way to kill is open.\n  through cordond: {}\n  through the cgroups: {}", why, e.what()),
        "is this the instance's --runtime-dir? Without a launcher nothing of it is alive");
  }
}

// As root: the kill must not hang on a process that may hang.
Json kill_everything(const Session& session, const std::string& reason) {
  Json receipt;
  const auto why = try_cordond(operator_client(session), reason, receipt);
  return why.empty() ? receipt : stop_directly(session, reason, why);
}

Json kill_through_cordond(const Session& session, const std::string& scope, const std::string& reason) {
  return operator_client(session).get_json(engage_request(scope, reason));
}

// nullopt: there is none to be found, or not for us.
std::optional<StopAllPlaces> places_of(const Session& session) {
  if (::geteuid() != 0) return std::nullopt;
  try {
    return StopAllPlaces{session.runtime_dir, read_launcher_file(session.runtime_dir).state_dir};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

bool release_roots_word(const Session& session) {
  const auto places = places_of(session);
  try {
    return places && release_stop_all(*places);
  } catch (const std::exception& e) {
    throw Failure(fmt::format("root's stop-all stays engaged: {}", e.what()));
  }
}

int answer_release(const Session& session, const Json& released, const std::string& text) {
  fmt::print("{}\n", session.json ? json_text(released) : text);
  return 0;
}

int release_everything(const Session& session) {
  const bool was_roots = release_roots_word(session);
  const auto only_roots = [&](const std::string& more) {
    return answer_release(session, {{"scope", "all"}, {"stop_all", true}},
                          "released: all (root's stop-all" + more + ")");
  };
  Response response;
  try {
    response =
        operator_client(session).send({.method = "DELETE", .target = path_of("all"), .timeout = receipt_patience});
  } catch (const Failure&) {
    if (!was_roots) throw;
    return only_roots("; cordond does not answer: what it has engaged itself stays so");
  }
  if (response.status == 404 && was_roots) return only_roots("");
  if (response.status != 200) refuse(response);
  return answer_release(session, parse_answer(response.body), "released: all");
}

std::string scope_of(const KillOptions& options) {
  const std::array<std::pair<const char*, const std::string*>, 5> named{{{"tenant", &options.tenant},
                                                                         {"actor", &options.actor},
                                                                         {"tool", &options.tool},
                                                                         {"profile", &options.profile},
                                                                         {"job", &options.job}}};
  std::string scope = options.all ? "all" : "";
  for (const auto& [word, name] : named) {
    if (name->empty()) continue;
    if (!scope.empty())
      throw Failure("more than one scope", "name one of --all, --tenant, --actor, --tool, --profile, --job");
    scope = fmt::format("{}/{}", word, *name);
  }
  if (scope.empty()) throw Failure("no scope", "name one of --all, --tenant, --actor, --tool, --profile, --job");
  return scope;
}

}  // namespace

int kill_scope(const Session& session, const KillOptions& options) {
  const auto scope = scope_of(options);
  const bool one_line = options.reason.find_first_of("\n\r") == std::string::npos;
  if (options.reason.empty() || !one_line)
    throw Failure("no reason in one line", "--reason TEXT: it is what the jobs' owners read");
  auto receipt = scope == "all" && ::geteuid() == 0 ? kill_everything(session, options.reason)
                                                    : kill_through_cordond(session, scope, options.reason);
  if (!receipt.contains("way")) receipt["way"] = "cordond";
  fmt::print("{}", session.json ? json_text(receipt) + "\n" : receipt_text(receipt));
  return exit_code_of_receipt(receipt);
}

int release_scope(const Session& session, const KillOptions& options) {
  const auto scope = scope_of(options);
  if (scope == "all") return release_everything(session);
  const auto released = operator_client(session).get_json({"DELETE", path_of(scope)});
  return answer_release(session, released, "released: " + scope);
}

int list_kills(const Session& session) {
  const auto answer = operator_client(session).get_json({.target = "/v1/kill"});
  if (session.json) {
    fmt::print("{}\n", json_text(answer));
    return 0;
  }
  std::vector<Row> rows;
  for (const auto& one : answer.at("engaged")) {
    const auto by = one.value("by", "") + (one.value("stop_all", false) ? " (root's stop-all)" : "");
    rows.push_back({one.value("scope", ""), one.value("engaged_at", ""), by, one.value("reason", "")});
  }
  fmt::print("{}", table({"SCOPE", "ENGAGED AT", "BY", "REASON"}, rows));
  return 0;
}

}  // namespace cordon::cli
