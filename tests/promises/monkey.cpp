// Promise (api.md): whatever is asked, in whatever order, by however many at once, while the kill switch is engaged and
// cordond is killed: it is answered as docs/openapi.json says, and afterwards everything is as it was.
// CORDON_MONKEY_SEED is another series than the usual one.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>

#include "supervisor/evidence/verify.hpp"
#include "tests/promises/described_api.hpp"
#include "tests/promises/known_values.hpp"

using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

constexpr int requests = 1500, hands = 4;
constexpr auto patience = 20s;         // of one request
constexpr std::size_t largest = 4096;  // of a body: what is long takes its time elsewhere (every_member.cpp)

// What is not there for a moment while cordond comes back, or two vote at once.
const std::set<std::string> described_503{"evidence_unavailable", "launcher_unavailable", "approval_busy"};

std::uint64_t seed() {
  const char* wanted = std::getenv("CORDON_MONKEY_SEED");
  return wanted == nullptr ? 20261130 : std::strtoull(wanted, nullptr, 10);
}

// What all hands know, and what they found.
class Shared {
 public:
  explicit Shared(const Stage& stage) : ids_{stage.job()} {}

  void note(const Json& answer) {
    const std::lock_guard lock(mutex_);
    for (const char* key : {"id", "name"})
      if (answer.is_object() && answer.contains(key) && answer.at(key).is_string())
        ids_.push_back(answer.at(key).get<std::string>());
  }
  std::string id(std::size_t number) {
    const std::lock_guard lock(mutex_);
    return ids_[ids_.size() - 1 - number % std::min<std::size_t>(ids_.size(), 40)];  // one of the newest
  }
  std::string violation_of(const Operation& operation, const Answer& answer) {
    const std::lock_guard lock(mutex_);
    return description_.violation_of(operation.method, operation.path, answer);
  }
  void find(std::string fault) {
    const std::lock_guard lock(mutex_);
    if (faults_.size() < 20) faults_.push_back(std::move(fault));
  }
  void count(long status) {
    const std::lock_guard lock(mutex_);
    ++statuses_[status];
  }
  const std::vector<std::string>& faults() const { return faults_; }  // when all hands rest
  const std::map<long, int>& statuses() const { return statuses_; }

  std::atomic<int> begun = 0;
  std::atomic<int> age = 0;  // another after cordond was killed, and again when it is back

 private:
  std::mutex mutex_;
  std::vector<std::string> ids_, faults_;
  std::map<long, int> statuses_;
  Description description_;
};

class Hand {
 public:
  Hand(Stage& stage, Shared& shared, std::uint64_t seed)
      : stage_(stage), shared_(shared), random_(seed), operations_(Description().operations()) {
    for (const auto& operation : operations_)
      if (operation.path.ends_with("/calls") || operation.name() == "POST /v1/jobs") often_.push_back(&operation);
  }

  void work() {
    for (int number = shared_.begun++; number < requests; number = shared_.begun++) {
      step(number);
      while (shared_.age % 2 == 1) std::this_thread::sleep_for(5ms);  // cordond is not back yet
    }
  }

 private:
  std::size_t below(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  template <typename List>
  const auto& any(const List& list) {
    return *std::next(list.begin(), static_cast<std::ptrdiff_t>(below(list.size())));
  }

  void step(int number) {
    if (number % 150 == 70) return ask(find("PUT", "/v1/kill/{scope}"), switch_all("PUT"));
    if (number % 150 == 85) return ask(find("DELETE", "/v1/kill/{scope}"), switch_all("DELETE"));
    const auto& operation = one_in(2) ? *any(often_) : any(operations_);
    Call call;
    call.method = in_upper_case(operation.method);
    call.target = path_of(operation);
    if (!operation.body.is_null()) call.body = body_of_any_kind(operation);
    add_parameters(operation, call);
    if (operation.path == "/v1/approvals/{id}" && call.method == "POST" && !one_in(4)) decide(call);
    ask(operation, call);
  }

  const Operation& find(const std::string& method, const std::string& path) const {
    return *std::find_if(operations_.begin(), operations_.end(),
                         [&](const Operation& one) { return one.path == path && in_upper_case(one.method) == method; });
  }

  static Call switch_all(const std::string& method) {
    Call call;
    call.method = method;
    call.target = "/v1/kill/all";
    if (method == "PUT") call.body = R"({"reason": "a monkey"})";
    return call;
  }

  std::string value_for(const std::string& part) {
    static const std::vector<std::string> junk{"nope", "%ff%0a", "%C3%A9", "..", "a%2fb", "%20"};
    if (one_in(8)) return any(junk);
    const auto uid = std::to_string(stage_.cordon().agent(1 + static_cast<unsigned>(below(3))).uid);
    if (part == "actor") return "uid:" + uid;
    if (part == "path") return "out/a";
    if (part == "scope") {
      const std::vector<std::string> scopes{"tenant/nobody", "actor/uid:" + uid, "tool/greet", "profile/strict",
                                            "job/" + shared_.id(random_())};
      return any(scopes);
    }
    static const std::vector<std::string> tools{"greet", "lever", "script"};
    return part == "name" && !one_in(3) ? any(tools) : shared_.id(random_());
  }

  std::string path_of(const Operation& operation) {
    auto path = operation.path;
    for (auto open = path.find('{'); open != path.npos; open = path.find('{', open + 1)) {
      const auto close = path.find('}', open);
      path.replace(open, close - open + 1, value_for(path.substr(open + 1, close - open - 1)));
    }
    return path;
  }

  const Json& odd_value() {
    static const std::vector<Json> odd{nullptr,
                                       true,
                                       -1,
                                       0,
                                       1.5,
                                       9007199254740991,
                                       1e308,
                                       "",
                                       "a\x7f\x1b[2J",
                                       std::string(300, 'x'),
                                       Json::array(),
                                       Json::object(),
                                       Json::array({Json::array()}),
                                       Json::array({"a", 1, nullptr}),
                                       "\u00e9\u2603",
                                       "0xffffffff"};
    return any(odd);
  }

  Json made_from(const nlohmann::json& schema, int depth = 0) {
    if (one_in(6) || depth > 4) return odd_value();
    if (schema.contains("anyOf")) return made_from(any(schema.at("anyOf")), depth + 1);
    if (schema.contains("enum")) return Json::parse(any(schema.at("enum")).dump());
    const auto type = schema.value("type", "");
    if (type == "string") return std::string(below(20), 'a');
    if (type == "integer") return below(1000);
    if (type == "boolean") return one_in(2);
    Json out = type == "array" ? Json::array() : Json::object();
    if (type == "array")
      for (auto count = below(4); count > 0; --count) out.push_back(made_from(schema.at("items"), depth + 1));
    const auto members = schema.value("properties", nlohmann::json::object());
    for (const auto& [name, member] : members.items())
      if (one_in(3)) out[name] = made_from(member, depth + 1);
    return out;
  }

  Json good_body(const Operation& operation) {
    const auto& known = stage_.known().at(operation.name());
    std::vector<Chosen> chosen;
    for (auto count = below(5); count > 0; --count) {
      const auto& [name, member] = any(known.members);
      const auto& value = any(member.values);
      if (value.value.dump().size() < largest && value.value != "c") chosen.push_back({name, value});
    }
    const auto body = body_of(known, chosen, Json::object());
    return body.is_null() ? body_of(known, {}, Json::object()) : body;
  }

  void spoil(Json& body) {
    auto* at = &body;
    while (at->is_structured() && !at->empty() && !one_in(3))
      at = &*std::next(at->begin(), static_cast<std::ptrdiff_t>(below(at->size())));
    *at = odd_value();
  }

  std::string body_of_any_kind(const Operation& operation) {
    static const std::vector<std::string> texts{"{", "", "[]", "nul", "\"x\"", "{\"argv\": [\"\xff\"]}", "{} {}"};
    if (one_in(25)) return any(texts);
    auto body = one_in(8) ? made_from(operation.body) : good_body(operation);
    if (one_in(5)) spoil(body);
    return body.dump();
  }

  void add_parameters(const Operation& operation, Call& call) {
    static const std::vector<std::string> junk{"", "-1", "99999999999999999999", "%ff", "true", "0"};
    for (const auto& one : operation.parameters) {
      if (!one.required && !one_in(3)) continue;
      auto value = any(junk);
      const auto known = stage_.known().find(operation.name());
      if (known != stage_.known().end() && known->second.query.contains(one.name) && !one_in(4))
        value = any(known->second.query.at(one.name));
      if (one.name == "wait") value = "1";
      if (one.name == "Idempotency-Key") value = "key-" + std::to_string(below(50));
      if (one.where == "header") {
        call.headers.push_back(one.name + ": " + value);
      } else {
        call.target += (call.target.find('?') == call.target.npos ? "?" : "&") + one.name + "=" + value;
      }
    }
  }

  // One that waits, as it is.
  void decide(Call& call) {
    Call look;
    look.target = "/v1/approvals";
    const auto answer = try_to(look, false);
    if (!answer || answer->status != 200) return;
    const auto waiting = answer->json().at("approvals");
    if (waiting.empty()) return;
    const auto& one = any(waiting);
    call.target = "/v1/approvals/" + one.at("job").get<std::string>();
    if (one_in(3)) return;
    call.body = Json{{"decision", "approve"}, {"binding_sha256", one.at("binding_sha256")}}.dump();
  }

  // nullopt: cordond was killed meanwhile.
  std::optional<Answer> try_to(Call call, bool by_agent) {
    const auto who = 1 + static_cast<unsigned>(below(3));
    call.as = by_agent ? stage_.cordon().agent(who) : person(stage_.cordon(), who);
    call.patience = patience;
    const auto& cordon = stage_.cordon();
    const auto socket = by_agent ? cordon.agent_socket() : cordon.operator_socket();
    const int age = shared_.age;
    try {
      const bool is_endless = call.method == "GET" && call.target.find("/events") != call.target.npos;
      return is_endless ? head_of_stream(socket, call.target, 100ms) : cordon::test::call(socket, call);
    } catch (const std::exception& e) {
      if (age % 2 == 0 && age == shared_.age) shared_.find(call.method + " " + call.target + ": " + e.what());
    }
    return std::nullopt;
  }

  void ask(const Operation& operation, const Call& call) {
    const auto known = stage_.known().find(operation.name());
    const bool is_agents = known != stage_.known().end() && known->second.by_agent;
    const bool by_agent = call.target != "/v1/kill/all" && (is_agents ? !one_in(4) : one_in(5));
    const auto answer = try_to(call, by_agent);
    if (!answer) return;
    shared_.count(answer->status);
    const auto said = call.method + " " + call.target + " " + call.body.substr(0, 1000) + "\n" +
                      std::to_string(answer->status) + " " + answer->body.substr(0, 1000);
    try {
      const auto violation = shared_.violation_of(operation, *answer);
      if (!violation.empty()) shared_.find(said + "\n" + violation);
      const auto type = answer->headers.at("content-type");
      const auto body = type.starts_with("application/json") || answer->status >= 400 ? answer->json() : Json();
      if (answer->status >= 500 && !described_503.contains(body.value("code", ""))) shared_.find(said);
      if (answer->status < 300) shared_.note(body);
    } catch (const std::exception& e) {
      shared_.find(said + "\n" + e.what());
    }
  }

  Stage& stage_;
  Shared& shared_;
  std::mt19937_64 random_;
  std::vector<Operation> operations_;
  std::vector<const Operation*> often_;
};

void let_loose(Stage& stage, Shared& shared) {
  std::vector<std::thread> threads;
  for (int i = 0; i < hands; ++i)
    threads.emplace_back([&, i] { Hand(stage, shared, seed() + static_cast<std::uint64_t>(i)).work(); });
  for (int part = 1; part <= 2; ++part) {
    while (shared.begun < requests * part / 3) std::this_thread::sleep_for(10ms);
    ++shared.age;
    stage.cordon().daemon().signal(SIGKILL);
    stage.cordon().daemon().wait(10s);
    stage.cordon().start_daemon();
    ++shared.age;
  }
  for (auto& thread : threads) thread.join();
}

void end_all_jobs(const Stage& stage) {
  for (const char* state : {"awaiting_approval", "queued", "running"}) {
    const auto target = std::string("/v1/jobs?limit=1000&state=") + state;
    const auto jobs = stage.ask(false, "GET", target).json().at("jobs");
    for (const auto& job : jobs) stage.ask(false, "DELETE", "/v1/jobs/" + job.at("id").get<std::string>());
  }
}

}  // namespace

TEST_CASE("whatever is asked in whatever order is answered as described, and leaves everything as it was") {
  Stage stage;
  INFO("CORDON_MONKEY_SEED=" << seed());
  auto& cordon = stage.cordon();
  cordon.run({{"argv", {"true"}}});
  const auto before = cordon.counts_at_rest();
  Shared shared(stage);
  let_loose(stage, shared);
  std::string statuses;
  for (const auto& [status, count] : shared.statuses()) statuses += fmt::format(" {}: {}", status, count);
  INFO(statuses);
  for (const auto& fault : shared.faults()) FAIL_CHECK(fault);
  CHECK(shared.statuses().at(200) + shared.statuses().at(202) > requests / 3);
  REQUIRE(!cordon.daemon().wait(0ms));
  stage.tidy();
  end_all_jobs(stage);
  CHECK(cordon.run({{"argv", {"printf", "well"}}}).at("stdout") == "well");
  CHECK(cordon.counts_settled_at(before) == before);
  cordon::VerifyWish wish;
  wish.directory = cordon.evidence_dir();
  for (const auto& fault : cordon::verify_evidence(wish).faults) FAIL_CHECK(to_string(fault));
}
