// Promise (issue "Supervision", 4 and 5): one tenant's flood costs another no more than its share; who is limited is
// told by which limit and until when, truthfully; and nobody is anybody whom the configuration does not know.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "tests/promises/instance.hpp"

using namespace cordon::test;
using std::chrono::steady_clock;

namespace {

constexpr unsigned flooder = 1, calm = 2;

// The uids of a private instance are known only once it runs: by name as the configuration would know them.
std::string name_of(const Instance& cordon, unsigned number) {
  return "uid:" + std::to_string(cordon.agent(number).uid);
}

Answer ask(const Instance& cordon, unsigned number, const std::string& method, const std::string& target,
           const Json& body = Json()) {
  return cordon.request(
      {.method = method, .target = target, .body = body.is_null() ? "" : body.dump(), .as = cordon.agent(number)});
}

Answer submit(const Instance& cordon, unsigned number, const Json& job) {
  return ask(cordon, number, "POST", "/v1/jobs", job);
}

Answer as_operator(const Instance& cordon, const std::string& method, const std::string& target) {
  return call(cordon.operator_socket(), {.method = method, .target = target});
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

void reload(const Instance& cordon, Json config) {
  config["profile_dirs"] = Json::array({cordon.directory() + "/profiles"});
  write_text(cordon.directory() + "/cordon.json", config.dump());
  REQUIRE(as_operator(cordon, "POST", "/v1/reload").status == 200);
}

Json actor(const Instance& cordon, const std::string& name, const std::string& tenant, unsigned number) {
  return {{"name", name}, {"tenant", tenant}, {"uids", Json::array({cordon.agent(number).uid})}};
}

const Json short_job{{"argv", Json::array({"sleep", "0.05"})}, {"wait", true}};

// Seconds until `number`'s job is back, the middle one of a few.
double typical_wait(const Instance& cordon, unsigned number, int times) {
  std::vector<double> waits;
  for (int i = 0; i < times; ++i) {
    const auto begin = steady_clock::now();
    const auto answer = submit(cordon, number, short_job);
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    waits.push_back(std::chrono::duration<double>(steady_clock::now() - begin).count());
  }
  std::sort(waits.begin(), waits.end());
  return waits[waits.size() / 2];
}

std::size_t queued(const Instance& cordon) {
  return cordon.get("/v1/info").json().at("jobs").at("queued").get<std::size_t>();
}

}  // namespace

TEST_CASE("one tenant floods, and another's job waits for its share only") {
  const Instance cordon;
  const auto config = [&](unsigned running) {
    return Json{
        {"max_running", running},
        {"actors", Json::array({actor(cordon, "noisy", "flood", flooder), actor(cordon, "ann", "calm", calm)})}};
  };
  reload(cordon, config(2));
  const auto baseline = typical_wait(cordon, calm, 7);
  Json job = short_job;
  job["wait"] = false;
  for (int i = 0; i < 300; ++i) {
    job["labels"] = {{"n", std::to_string(i)}};
    REQUIRE(submit(cordon, flooder, job).status == 202);
  }
  const auto flooded = typical_wait(cordon, calm, 9);
  const auto left = queued(cordon);
  INFO("alone " << baseline << " s, in the flood " << flooded << " s, of which " << left << " wait still");
  CHECK(left > 100);  // behind all of them it would have waited for 150 rounds
  // A running job of the flood's has to end first; and the host is busy with the other sandbox meanwhile.
  CHECK(flooded < 6 * baseline);

  const auto mine = submit(cordon, calm, {{"argv", Json::array({"true"})}, {"wait", false}}).json();
  CHECK(mine.at("tenant") == "calm");
  if (mine.at("state") == "queued") CHECK(mine.at("queue_position") <= 2);
  const auto waiting_jobs = ask(cordon, flooder, "GET", "/v1/jobs?state=queued&limit=100").json();
  for (const auto& waiting : waiting_jobs.at("jobs")) {
    ask(cordon, flooder, "DELETE", "/v1/jobs/" + waiting.at("id").get<std::string>());
  }
}

TEST_CASE("one tenant cannot fill the queue for another") {
  const Instance cordon;
  reload(cordon,
         {{"max_running", 1},
          {"max_queued", 20},
          {"actors", Json::array({actor(cordon, "noisy", "flood", flooder), actor(cordon, "ann", "calm", calm)})}});
  const Json sleeper{{"argv", Json::array({"sleep", "60"})}, {"wait", false}};
  Answer answer;
  int taken = 0;
  for (; taken < 40 && (answer = submit(cordon, flooder, sleeper)).status == 202; ++taken) {
  }
  CHECK(taken > 10);
  CHECK(answer.status == 429);
  const auto problem = answer.json();
  CHECK(problem.at("code") == "too_many_queued");
  CHECK(problem.at("limit").at("name") == (problem.at("limit").at("scope") == "tenant" ? "flood" : "noisy"));
  CHECK(answer.headers.contains("retry-after"));
  CHECK(submit(cordon, calm, sleeper).status == 202);
}

TEST_CASE("who is too fast is told for how long, and then it works") {
  const Instance cordon;
  const auto name = name_of(cordon, flooder);
  reload(cordon, {{"admission", {{"actors", {{name, {{"rate", {{"jobs_per_second", 0.5}, {"burst", 2}}}}}}}}}});
  const Json job{{"argv", Json::array({"true"})}, {"wait", true}};
  const auto begin = steady_clock::now();
  CHECK(submit(cordon, flooder, job).status == 200);
  CHECK(submit(cordon, flooder, job).status == 200);
  const auto refused = submit(cordon, flooder, job);
  REQUIRE(refused.status == 429);
  const auto problem = refused.json();
  CHECK(problem.at("code") == "rate_limited");
  CHECK(problem.at("limit").dump() == R"({"scope":"actor","name":")" + name + R"(","limit":"rate","value":0.5})");
  const auto seconds = std::stoi(refused.headers.at("retry-after"));
  CHECK(seconds >= 1);
  CHECK(seconds <= 2);
  CHECK(submit(cordon, calm, job).status == 200);              // of nobody else
  std::this_thread::sleep_for(std::chrono::seconds(seconds));  // what Retry-After asks for
  CHECK(submit(cordon, flooder, job).status == 200);
  CHECK(steady_clock::now() - begin >= std::chrono::milliseconds(1900));
}

TEST_CASE("a budget of CPU time is used by what jobs use, and shown") {
  const Instance cordon;
  reload(cordon, {{"admission", {{"tenants", {{"default", {{"budgets", {{"cpu_seconds", {{"per_hour", 1}}}}}}}}}}}});
  auto busy = python("import time\nbegin = time.process_time()\nwhile time.process_time() - begin < 0.7: pass\n");
  busy["wait"] = true;
  CHECK(submit(cordon, flooder, busy).status == 200);
  CHECK(submit(cordon, flooder, busy).status == 200);
  const auto refused = submit(cordon, calm, busy);  // of the same tenant
  REQUIRE(refused.status == 429);
  CHECK(refused.json().at("code") == "budget_exhausted");
  CHECK(refused.json().at("limit").at("limit") == "cpu_seconds per_hour");
  const auto rest = std::stoi(refused.headers.at("retry-after"));
  CHECK(rest > 3500);
  CHECK(rest <= 3600);
  const auto account = ask(cordon, calm, "GET", "/v1/info").json().at("account");
  const auto limits = account.at("limits");
  const auto budget = std::find_if(limits.begin(), limits.end(),
                                   [](const Json& limit) { return limit.at("limit") == "cpu_seconds per_hour"; });
  REQUIRE(budget != limits.end());
  CHECK(budget->at("used").get<double>() >= 1.3);
  CHECK(budget->at("used").get<double>() < 3);
}

TEST_CASE("whom the configuration does not know is refused when it says so, and operators still operate") {
  const Instance cordon;
  reload(cordon, {{"unknown_actors", "deny"}, {"actors", Json::array({actor(cordon, "ann", "calm", calm)})}});
  const auto refused = submit(cordon, flooder, short_job);
  CHECK(refused.status == 403);
  CHECK(refused.json().at("code") == "unknown_actor");
  const auto mine = submit(cordon, calm, short_job);
  REQUIRE(mine.status == 200);
  CHECK(mine.json().at("actor") == "ann");
  CHECK(mine.json().at("tenant") == "calm");
  const auto person = cordon.operator_person();
  const auto operate = [&](const std::string& method, const std::string& target, const std::string& body = "") {
    return call(cordon.operator_socket(), {.method = method, .target = target, .body = body, .as = person});
  };
  CHECK(operate("GET", "/v1/jobs").json().at("jobs").size() == 1);
  CHECK(operate("GET", "/v1/breakers").json().at("breakers").empty());
  CHECK(operate("POST", "/v1/jobs", short_job.dump()).json().at("code") == "unknown_actor");
}

TEST_CASE("an actor is a group too, and what it submitted stays its own after a reload") {
  const Instance cordon;
  const auto gid = cordon.agent(calm).gid;
  const Json team{{"name", "team"}, {"tenant", "ci"}, {"gids", Json::array({gid, cordon.agent(flooder).gid})}};
  reload(cordon, {{"actors", Json::array({team})}});
  const auto job = submit(cordon, calm, short_job).json();
  CHECK(job.at("actor") == "team");
  const auto path = "/v1/jobs/" + job.at("id").get<std::string>();
  CHECK(ask(cordon, flooder, "GET", path).status == 200);  // the same actor by another uid
  reload(cordon, Json::object());
  CHECK(ask(cordon, flooder, "GET", path).status == 404);
  CHECK(as_operator(cordon, "GET", path).json().at("actor") == "team");
}

TEST_CASE("a loop of failing jobs is stopped for one actor, and an operator lets it go on") {
  const Instance cordon;
  reload(cordon, {{"admission", {{"circuit_breaker", {{"identical_failures", {{"jobs", 3}, {"seconds", 60}}}}}}}});
  const Json failing{{"argv", Json::array({"false"})}, {"wait", true}};
  for (int i = 0; i < 3; ++i) CHECK(submit(cordon, flooder, failing).status == 200);
  const auto refused = submit(cordon, flooder, failing);
  REQUIRE(refused.status == 429);
  CHECK(refused.json().at("code") == "circuit_open");
  CHECK(refused.headers.contains("retry-after"));
  CHECK(submit(cordon, calm, failing).status == 200);
  CHECK(submit(cordon, flooder, short_job).status == 200);
  const auto open = as_operator(cordon, "GET", "/v1/breakers").json().at("breakers");
  REQUIRE(open.size() == 1);
  CHECK(open[0].at("actor") == name_of(cordon, flooder));
  CHECK(open[0].at("rule") == "identical_failures");
  CHECK(ask(cordon, flooder, "DELETE", "/v1/breakers/" + name_of(cordon, flooder)).status == 404);
  CHECK(as_operator(cordon, "DELETE", "/v1/breakers/" + name_of(cordon, flooder)).json().at("reset") == 1);
  CHECK(submit(cordon, flooder, failing).status == 200);
}

TEST_CASE("below the host's reserve jobs wait, and start when there is room") {
  const Instance cordon;
  const auto reserve = [](std::uint64_t bytes) {
    return Json{{"admission", {{"host_reserve", {{"memory_bytes", bytes}}}}}};
  };
  reload(cordon, reserve(std::uint64_t{1} << 49));
  const auto id = cordon.submit({{"argv", Json::array({"true"})}}).at("id").get<std::string>();
  CHECK(cordon.get("/v1/jobs/" + id).json().at("state") == "queued");
  CHECK(cordon.get("/v1/info").json().at("jobs").at("held_by") == "memory");
  reload(cordon, reserve(1 << 20));
  CHECK(cordon.finished(id).at("outcome").at("kind") == "exited");
  CHECK(!cordon.get("/v1/info").json().at("jobs").contains("held_by"));
}

// To lower a score takes CAP_SYS_RESOURCE (proc(5)), which not every container leaves to root.
TEST_CASE("the kernel would kill jobs for want of memory, and not who holds them", "[threat:supervisor-starved]") {
  Instance cordon;
  const auto score = [](pid_t pid) { return std::stoi(read_text("/proc/" + std::to_string(pid) + "/oom_score_adj")); };
  const auto status = read_text("/proc/self/status");
  const auto rights = std::stoull(status.substr(status.find("CapEff:") + 8, 16), nullptr, 16);
  const bool may_lower = (rights >> 24U & 1U) != 0;
  const auto launcher = score(cordon.launcher().pid()), daemon = score(cordon.daemon().pid());
  CHECK(launcher == (may_lower ? -900 : score(::getpid())));
  CHECK(daemon == (may_lower ? -500 : score(::getpid())));
  CHECK((cordon.logs().find("not protected from the OOM killer") == std::string::npos) == may_lower);
  const auto info = cordon.get("/v1/info").json();
  CHECK(info.at("oom_score_adj") == daemon);
  CHECK(info.at("launcher").at("host").at("launcher.oom_score_adj") == std::to_string(launcher));
  CHECK(read_text(CORDON_SOURCE_DIR "/systemd/cordon-launcher.service").find("\nOOMScoreAdjust=-900\n") !=
        std::string::npos);
  CHECK(read_text(CORDON_SOURCE_DIR "/systemd/cordond.service").find("\nOOMScoreAdjust=-500\n") != std::string::npos);
  const auto job = cordon.run({{"argv", Json::array({"cat", "/proc/self/oom_score_adj"})}});
  CHECK(job.at("stdout") == "1000\n");
}
