// The kill switch of a whole cordond, with a launcher that only plays.
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/unit/supervisor_instance.hpp"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr auto hold = R"({"argv": ["hold"]})";
constexpr auto say = R"({"argv": ["say", "x"], "wait": true})";

HttpAnswer with_body(HttpClient client, const std::string& method, const std::string& target, const std::string& body) {
  client.send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
  auto answer = client.answer();
  REQUIRE(answer);
  return *answer;
}

HttpAnswer engage(const Instance& instance, const std::string& scope, const std::string& reason = "why") {
  return with_body(instance.operator_(), "PUT", "/v1/kill/" + scope, R"({"reason": ")" + reason + "\"}");
}

HttpAnswer release(const Instance& instance, const std::string& scope) {
  return instance.operator_().call("DELETE", "/v1/kill/" + scope);
}

Json engaged(const Instance& instance) {
  return instance.operator_().get("/v1/kill").json().at("engaged");
}

std::string me() {
  return "uid:" + std::to_string(::geteuid());
}

void await_held(const Instance& instance, const std::string& id) {
  auto client = instance.agent();
  client.send("GET /v1/jobs/" + id + "/events HTTP/1.1\r\nHost: x\r\n\r\n");
  client.read_until("event: stdout");
}

std::string held(const Instance& instance, const std::string& body = hold) {
  const auto id = instance.submit(body);
  await_held(instance, id);
  return id;
}

}  // namespace

TEST_CASE("an engaged scope ends what runs and what waits in it, refuses what comes, and says so in a receipt",
          "[threat:kill-latch]") {
  Instance instance(R"("max_running": 1)");
  const auto running = held(instance);
  const auto waiting = instance.submit(hold);
  const auto answer = engage(instance, "profile/default", "loops");
  REQUIRE(answer.status == 200);
  const auto receipt = answer.json();
  CHECK(receipt.at("scope") == "profile/default");
  CHECK(receipt.at("killed") == Json::array({running, waiting}));
  CHECK(receipt.at("survivors") == 0);
  CHECK(receipt.at("quarantined").empty());
  CHECK(receipt.at("by") == me());
  CHECK(receipt.at("reason") == "loops");
  CHECK(receipt.at("persisted") == true);
  CHECK(receipt.at("latency_ms").get<double>() > 0);
  for (const auto& id : {running, waiting}) {
    const Json expected = {{"kind", "killed"}, {"scope", "profile/default"}, {"by", me()}, {"reason", "loops"}};
    CHECK(instance.finished(id).at("outcome") == expected);
  }
  CHECK(instance.launcher().jobs_alive() == 0);
  const auto refused = instance.agent().post(say);
  CHECK(refused.status == 403);
  CHECK(refused.json().at("code") == "kill_switch_engaged");
  CHECK(engaged(instance).size() == 1);
  CHECK(release(instance, "profile/default").status == 200);
  CHECK(instance.agent().post(say).json().at("stdout") == "x");
  CHECK(engaged(instance).empty());
}

TEST_CASE("a scope that a job is not in leaves it alone", "[threat:kill-latch]") {
  Instance instance;
  const auto id = held(instance);
  for (const char* scope : {"tenant/other", "actor/other", "tool/other", "profile/other", "drill/other"}) {
    INFO(scope);
    CHECK(engage(instance, scope).json().at("killed").empty());
  }
  CHECK(instance.job(id).at("state") == "running");
  CHECK(instance.agent().post(say).status == 200);
  for (const char* scope : {"tenant/default", "job/"}) {
    const auto other = std::string(scope) == "job/" ? held(instance) : id;
    const auto full = std::string(scope) == "job/" ? scope + other : scope;
    CHECK(engage(instance, full).json().at("killed") == Json::array({other}));
    if (full == "tenant/default") release(instance, full);
  }
}

TEST_CASE("killing one job needs one that lives, and is over with it") {
  Instance instance;
  const auto id = held(instance);
  CHECK(engage(instance, "job/" + id).json().at("killed") == Json::array({id}));
  CHECK(engaged(instance).empty());  // its id never comes again
  CHECK(engage(instance, "job/" + id).status == 409);
  CHECK(engage(instance, "job/0192f0c4-0000-7000-8000-000000000000").status == 404);
  CHECK(instance.agent().post(say).status == 200);
}

TEST_CASE("a job with a drill's label is in the scope of that drill") {
  Instance instance;
  const auto canary = held(instance, R"({"argv": ["hold"], "labels": {"cordon.drill": "d7"}})");
  const auto other = held(instance);
  CHECK(engage(instance, "drill/d7").json().at("killed") == Json::array({canary}));
  CHECK(instance.agent().post(R"({"argv": ["say"], "labels": {"cordon.drill": "d7"}})").status == 403);
  CHECK(instance.job(other).at("state") == "running");
}

TEST_CASE("what was decided before a kill is decided again when the launcher finds the latch changed",
          "[threat:kill-latch]") {
  Instance instance;
  const auto id =
      instance.submit(R"({"argv": ["wait-for-latch"], "stdin": "in", "files": [{"path": "a", "content": "b"}]})");
  while (instance.launcher().jobs_alive() == 0) std::this_thread::yield();
  REQUIRE(engage(instance, "tenant/other").status == 200);  // not its own: it is started once more, with all it had
  const auto job = instance.finished(id);
  CHECK(job.at("outcome").dump() == R"({"kind":"exited","code":0})");
  CHECK(instance.launcher().jobs_started() == 2);
  CHECK(instance.launcher().last_spec().generation == instance.launcher().generation());
}

TEST_CASE("a launcher that was started anew is greeted again before anything starts", "[threat:kill-latch]") {
  Instance instance;
  REQUIRE(engage(instance, "tenant/other").status == 200);
  const auto before = instance.launcher().generation();
  instance.restart_launcher();
  CHECK(instance.launcher().generation() == 0);
  CHECK(instance.agent().post(say).json().at("stdout") == "x");
  CHECK(instance.launcher().generation() == before);
}

TEST_CASE("engaging and releasing out of turn is answered, not fatal") {
  Instance instance;
  CHECK(engage(instance, "all", "one").json().at("reason") == "one");
  const auto again = engage(instance, "all", "two").json();
  CHECK(again.at("reason") == "one");
  CHECK(again.at("killed").empty());
  CHECK(engaged(instance).size() == 1);
  CHECK(release(instance, "all").status == 200);
  CHECK(release(instance, "all").json().at("code") == "kill_switch_not_engaged");
  CHECK(release(instance, "nonsense").status == 400);
}

TEST_CASE("only an operator reaches the kill switch, and only with a reason") {
  Instance instance;
  CHECK(with_body(instance.agent(), "PUT", "/v1/kill/all", R"({"reason": "x"})").status == 404);
  CHECK(instance.agent().get("/v1/kill").status == 404);
  for (const char* body : {"", "{}", R"({"reason": ""})", R"({"reason": "a\nb"})", R"({"reason": 1})",
                           R"({"reason": "x", "more": 1})", "[]"}) {
    INFO(body);
    CHECK(with_body(instance.operator_(), "PUT", "/v1/kill/all", body).status == 400);
  }
  CHECK(engage(instance, "all", std::string(1001, 'x')).status == 400);
  CHECK(engage(instance, "everything").json().at("code") == "invalid_scope");
  CHECK(engaged(instance).empty());
  CHECK(instance.agent().post(say).status == 200);
}

TEST_CASE("a receipt waits for who is slow to die, and tells the truth of who does not", "[threat:kill-latch]") {
  Instance instance;
  const auto hanging = instance.submit(R"({"argv": ["hang"]})");
  CHECK(instance.finished(hanging).at("outcome").at("kind") == "lost");
  const auto slow = instance.submit(R"({"argv": ["outlive"]})");
  while (instance.job(slow).at("started_at").is_null()) std::this_thread::yield();
  const auto receipt = engage(instance, "all").json();
  CHECK(receipt.at("survivors") == 2);
  CHECK(receipt.at("quarantined") == Json::array({hanging}));
  CHECK(receipt.at("killed").empty());
  CHECK(receipt.at("latency_ms").get<double>() >= 5000);
  CHECK(receipt.at("latency_ms").get<double>() < 6000);
  instance.launcher().let_go();
  const auto later = engage(instance, "actor/" + me()).json();  // by then the slow one has gone too
  CHECK(later.at("survivors") == 0);
  CHECK(later.at("quarantined").empty());
}

TEST_CASE("a job whose launcher died is a survivor until the kernel says that its sandbox is empty",
          "[threat:kill-latch][threat:lost-as-success]") {
  Instance instance;
  const auto id = instance.submit(R"({"argv": ["vanish-alive"]})");
  while (instance.job(id).at("started_at").is_null()) std::this_thread::yield();
  const auto during = engage(instance, "profile/default").json();
  CHECK(during.at("survivors") == 1);
  CHECK(during.at("killed").empty());
  CHECK(instance.finished(id).at("outcome").at("kind") == "lost");
  const auto after = engage(instance, "all").json();  // it is not waited for any more, and still told
  CHECK(after.at("survivors") == 1);
  CHECK(after.at("quarantined") == Json::array({id}));
  CHECK(after.at("latency_ms").get<double>() < 1000);
  CHECK(engage(instance, "profile/strict").json().at("survivors") == 0);  // it is none of that scope
  instance.launcher().let_go();
  CHECK(engage(instance, "all").json().at("survivors") == 0);
}

TEST_CASE("a kill is carried out when its file cannot be written, and the receipt says that it will not last",
          "[threat:kill-latch]") {
  Instance instance;
  const auto id = held(instance);
  std::filesystem::create_directory(instance.dir() + "/daemon/kill.json.new");
  const auto receipt = engage(instance, "all").json();
  CHECK(receipt.at("killed") == Json::array({id}));
  CHECK(receipt.at("persisted") == false);
  CHECK(receipt.at("not_persisted").get<std::string>().find("kill.json.new") != std::string::npos);
  CHECK(instance.agent().post(say).status == 403);
}

TEST_CASE("a restart finds engaged what was engaged, and everything when that cannot be read", "[threat:kill-latch]") {
  Instance instance;
  REQUIRE(engage(instance, "profile/default").status == 200);
  instance.restart_daemon();
  CHECK(engaged(instance).at(0).at("scope") == "profile/default");
  CHECK(instance.agent().post(say).status == 403);
  std::ofstream(instance.dir() + "/daemon/kill.json") << R"({"generation": 2, "eng)";
  instance.restart_daemon();
  CHECK(engaged(instance).at(0).at("scope") == "all");
  CHECK(instance.agent().post(say).status == 403);
  instance.restart_daemon();
  CHECK(engaged(instance).size() == 1);  // until an operator releases it
  CHECK(release(instance, "all").status == 200);
  instance.restart_daemon();
  CHECK(engaged(instance).empty());
  CHECK(instance.agent().post(say).status == 200);
}

TEST_CASE("root's stop-all is obeyed, listed, and not cordond's to release", "[threat:kill-latch]") {
  Instance instance;
  std::ofstream(instance.dir() + "/stop-all") << "BY=uid:0\nREASON=by hand\n";
  CHECK(instance.agent().post(say).status == 403);
  CHECK(engaged(instance).at(0).at("stop_all") == true);
  CHECK(engaged(instance).at(0).at("reason") == "by hand");
  CHECK(release(instance, "all").json().at("code") == "stop_all_engaged");
  CHECK(instance.agent().post(say).status == 403);
  std::filesystem::remove(instance.dir() + "/stop-all");
  CHECK(instance.agent().post(say).status == 200);
}
