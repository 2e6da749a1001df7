#include "tests/promises/warmth.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <sstream>

namespace cordon::test {
namespace {

// How long an answer may take here, and a sandbox that failed may keep the next one from being begun.
constexpr auto patience = std::chrono::seconds(20);

Answer ask(const Instance& cordon, Call request, unsigned number) {
  if (number > 0) request.as = cordon.agent(number);
  return cordon.request(request);
}

// The first of four is the one whom the two ids of a lease belong to.
std::string first_word(const Json& value) {
  const auto text = value.get<std::string>();
  return text.substr(0, text.find(' '));
}

Answer post_when_one_waits(const Instance& cordon, Json job, unsigned number, const std::string& prestart = "") {
  INFO(cordon.logs());
  REQUIRE(await_waiting(cordon, 1, prestart));
  job["timings"] = true;
  auto answer = ask(cordon, {.method = "POST", .target = "/v1/jobs", .body = job.dump()}, number);
  INFO(answer.body);
  REQUIRE((answer.status == 200 || answer.status == 202));
  return answer;
}

}  // namespace

Json with_warm_sandboxes() {
  return {{"warm", {{"default", {{"min", warm_min}, {"max", warm_max}, {"image", "host"}}}}}};
}

Json with_prestarted(const std::string& name) {
  auto config = with_warm_sandboxes();
  config["warm"]["default"]["prestart"][name] = {{"min", warm_min}, {"max", warm_max}};
  return config;
}

std::size_t waiting(const Instance& cordon, const std::string& prestart) {
  std::size_t count = 0;
  const auto info = cordon.get("/v1/info").json();
  for (const auto& kind : info.at("warm")) {
    const auto& with = kind.at("prestart");
    if ((with.is_null() ? "" : with.get<std::string>()) == prestart) count += kind.at("ready").get<std::size_t>();
  }
  return count;
}

bool await_waiting(const Instance& cordon, std::size_t count, const std::string& prestart) {
  return eventually([&] { return waiting(cordon, prestart) >= count; }, patience);
}

double sample(const Instance& cordon, const std::string& name_and_labels) {
  std::istringstream lines(call(cordon.operator_socket(), {.target = "/metrics"}).body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name_and_labels + " ")) return std::stod(line.substr(name_and_labels.size() + 1));
  }
  return 0;
}

Json run_warm(const Instance& cordon, Json job, unsigned number) {
  job["wait"] = true;
  auto finished = post_when_one_waits(cordon, std::move(job), number).json();
  INFO(finished.dump() << "\n" << cordon.logs());
  REQUIRE(finished.at("state") == "finished");
  REQUIRE(finished.at("warm") == true);
  return finished;
}

std::string submit_warm(const Instance& cordon, Json job, unsigned number) {
  job["wait"] = false;
  const auto id = post_when_one_waits(cordon, std::move(job), number).json().at("id").get<std::string>();
  const auto now = [&] { return ask(cordon, {.target = "/v1/jobs/" + id}, number).json(); };
  REQUIRE(eventually([&] { return !now().at("started_at").is_null(); }));
  REQUIRE(now().at("warm") == true);
  return id;
}

Json run_prestarted(const Instance& cordon, Json job, const std::string& prestart) {
  job["wait"] = true;
  auto finished = post_when_one_waits(cordon, std::move(job), 0, prestart).json();
  INFO(finished.dump() << "\n" << cordon.logs());
  REQUIRE(finished.at("state") == "finished");
  REQUIRE(finished.at("warm") == true);
  REQUIRE(finished.at("prestart") == prestart);
  return finished;
}

std::string submit_prestarted(const Instance& cordon, Json job, const std::string& prestart) {
  job["wait"] = false;
  const auto id = post_when_one_waits(cordon, std::move(job), 0, prestart).json().at("id").get<std::string>();
  const auto now = [&] { return cordon.get("/v1/jobs/" + id).json(); };
  REQUIRE(eventually([&] { return !now().at("started_at").is_null(); }));
  REQUIRE(now().at("prestart") == prestart);
  return id;
}

std::set<std::string> keys_of(const Json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

Json without_ids(const Json& enforced) {
  const std::map<std::string, std::string> names{{first_word(enforced.at("uid")), "TOOL"},
                                                 {first_word(enforced.at("init.uid")), "INIT"}};
  Json out = Json::object();
  for (const auto& [key, value] : enforced.items()) {
    if (key.starts_with("namespace.")) {
      out[key] = "INODE";
      continue;
    }
    auto text = value.is_string() ? value.get<std::string>() : value.dump();
    for (const auto& [id, name] : names) {
      for (auto at = text.find(id); at != std::string::npos; at = text.find(id)) text.replace(at, id.size(), name);
    }
    out[key] = text;
  }
  return out;
}

Json run_cold(const Instance& cordon, Json job) {
  job["timings"] = true;
  auto finished = cordon.run(std::move(job));
  REQUIRE(finished.at("warm") == false);
  return finished;
}

std::set<pid_t> first_processes(Instance& cordon) {
  std::set<pid_t> found;
  for (const auto pid : job_processes(cordon.whose())) {
    const auto parent = parent_of(pid);
    if (parent > 0 && parent_of(parent) == cordon.launcher().pid()) found.insert(pid);
  }
  return found;
}

std::set<pid_t> sandbox_launchers(Instance& cordon) {
  std::set<pid_t> found;
  for (const auto pid : first_processes(cordon)) {
    const auto parent = parent_of(pid);
    if (parent > 0) found.insert(parent);
  }
  return found;
}

}  // namespace cordon::test
