// Promise (issue "Governed tools", 4): what policy holds starts only when enough other people have approved exactly it,
// once, in time; and whoever asked for it is none of them.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/promises/people.hpp"

using namespace cordon::test;

namespace {

Json policy(const Json& then, const Json& when = Json::object()) {
  const Json rule{{"name", "look-first"}, {"why", "a person must look at it"}, {"when", when}, {"then", then}};
  return {{"rules", Json::array({rule})}};
}

Json needs(unsigned people, unsigned expires_s = 600) {
  return {{"require_approval", {{"people", people}, {"expires_s", expires_s}}}};
}

const Json strict_only{{"profiles", Json::array({"strict"})}};

Json held_job(const std::string& script = "echo ran") {
  return {{"profile", "strict"}, {"argv", Json::array({"sh", "-c", script})}, {"wait", true}};
}

std::string submit(const Instance& cordon, const Json& job) {
  const auto answer = as_agent(cordon, 1, "POST", "/v1/jobs", job);
  INFO(answer.body);
  REQUIRE(answer.status == 202);
  CHECK(answer.json().at("state") == "awaiting_approval");
  return answer.json().at("id");
}

Json shown(const Instance& cordon, const std::string& id) {
  const auto answer = as_operator(cordon, "GET", "/v1/approvals/" + id);
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  return answer.json();
}

Answer approve(const Instance& cordon, const Credentials& who, const std::string& id, const Json& binding) {
  return as_operator(cordon, who, "POST", "/v1/approvals/" + id,
                     {{"decision", "approve"}, {"binding_sha256", binding}});
}

Answer approve(const Instance& cordon, unsigned who, const std::string& id) {
  return approve(cordon, person(cordon, who), id, shown(cordon, id).at("binding_sha256"));
}

}  // namespace

TEST_CASE("a held job waits, is shown whole to operators, and runs when one approves it", "[governed:approval]") {
  const Instance cordon(Json{{"policy", policy(needs(1), strict_only)}});
  auto wish = held_job("cat in.txt");
  wish["files"] = Json::array({{{"path", "in.txt"}, {"content", "look at me\n"}}});
  const auto id = submit(cordon, wish);
  CHECK(cordon.run({{"argv", Json::array({"true"})}}).at("outcome").at("code") == 0);  // others are not held
  const auto list = as_operator(cordon, person(cordon, 1), "GET", "/v1/approvals").json().at("approvals");
  REQUIRE(list.size() == 1);
  const auto& one = list.at(0);
  CHECK(one.at("job") == id);
  CHECK(one.at("submitter").at("uid") == cordon.agent(1).uid);
  CHECK(one.at("needs").at(0).at("why") == "a person must look at it");
  CHECK(one.at("action").at("argv").at(2) == "cat in.txt");
  CHECK(one.at("action").at("files").at(0).at("bytes") == 11);
  CHECK(one.at("previews").at(0).at("content") == "look at me\n");
  const auto approved = approve(cordon, 1, id);
  INFO(approved.body);
  CHECK(approved.status == 200);
  const auto job = ended(cordon, id);
  INFO(job.dump());
  CHECK(job.at("stdout") == "look at me\n");
  CHECK(job.at("approval").at("state") == "consumed");
  CHECK(job.at("approval").at("votes").at(0).at("actor") == actor_of(person(cordon, 1)));
}

TEST_CASE("an approval is used once: it is refused again after its use, and after a restart",
          "[governed:replay][threat:replay]") {
  Instance cordon(Json{{"policy", policy(needs(1), strict_only)}});
  const auto id = submit(cordon, held_job());
  const auto binding = shown(cordon, id).at("binding_sha256");
  CHECK(approve(cordon, person(cordon, 1), id, binding).status == 200);
  CHECK(ended(cordon, id).at("stdout") == "ran\n");
  CHECK(approve(cordon, person(cordon, 1), id, binding).status == 409);
  CHECK(approve(cordon, person(cordon, 2), id, binding).status == 409);
  crash_and_restart(cordon);
  CHECK(approve(cordon, person(cordon, 2), id, binding).status == 409);
  const auto again = submit(cordon, held_job());  // the same action is held anew, and the old consent is not to it
  CHECK(approve(cordon, person(cordon, 1), again, binding).json().at("code") == "binding_mismatch");
  CHECK(seen(cordon, again).at("state") == "awaiting_approval");
}

TEST_CASE("whoever asked for it cannot approve it, and an agent cannot even see it", "[governed:self-approval]") {
  const Instance cordon(Json{{"policy", policy(needs(1), strict_only)}});
  const auto id = submit(cordon, held_job());
  const auto self = as_person(cordon, cordon.agent(1));  // an agent that is an operator, too
  const auto refused = approve(cordon, self, id, shown(cordon, id).at("binding_sha256"));
  CHECK(refused.status == 403);
  CHECK(refused.json().at("code") == "self_approval");
  CHECK(as_agent(cordon, 1, "GET", "/v1/approvals").status == 404);
  CHECK(seen(cordon, id).at("state") == "awaiting_approval");
  CHECK(as_operator(cordon, self, "POST", "/v1/approvals/" + id, {{"decision", "deny"}, {"reason", "no"}}).status ==
        200);
  CHECK(ended(cordon, id).at("outcome").at("kind") == "denied");
}

TEST_CASE("two people are two people: the same one twice is not, and votes outlive cordond", "[governed:approval]") {
  Instance cordon(Json{{"policy", policy(needs(2), strict_only)}});
  const auto id = submit(cordon, held_job());
  CHECK(approve(cordon, 1, id).status == 200);
  CHECK(approve(cordon, 1, id).json().at("code") == "approved_already");
  crash_and_restart(cordon);
  CHECK(seen(cordon, id).at("state") == "awaiting_approval");
  CHECK(approve(cordon, 1, id).json().at("code") == "approved_already");
  CHECK(approve(cordon, 2, id).status == 200);
  CHECK(ended(cordon, id).at("stdout") == "ran\n");
}

TEST_CASE("what is denied says by whom and why, and nothing of it ran") {
  const Instance cordon(Json{{"policy", policy(needs(1), strict_only)}});
  const auto id = submit(cordon, held_job());
  const auto denied = as_operator(cordon, person(cordon, 1), "POST", "/v1/approvals/" + id,
                                  {{"decision", "deny"}, {"reason", "not today"}});
  CHECK(denied.status == 200);
  const auto job = ended(cordon, id);
  CHECK(job.at("outcome").at("kind") == "denied");
  CHECK(job.at("outcome").at("reason") == "not today");
  CHECK(job.at("outcome").at("by") == actor_of(person(cordon, 1)));
  CHECK(job.at("started_at").is_null());
  CHECK(job.at("approval").at("state") == "refused");
}

TEST_CASE("nobody approves it in time: it is denied by then, and cannot be approved any more", "[governed:expiry]") {
  const Instance cordon(Json{{"policy", policy(needs(1, 2), strict_only)}});
  const auto id = submit(cordon, held_job());
  const auto binding = shown(cordon, id).at("binding_sha256");
  const auto job = ended(cordon, id);
  CHECK(job.at("outcome") == Json({{"kind", "denied"}, {"by", "timeout"}, {"reason", "nobody approved it in time"}}));
  CHECK(approve(cordon, person(cordon, 1), id, binding).status == 409);
}

TEST_CASE("a held job is cancelled by its client, and killed by the kill switch, without ever having run") {
  const Instance cordon(Json{{"policy", policy(needs(1), strict_only)}});
  const auto one = submit(cordon, held_job()), other = submit(cordon, held_job());
  CHECK(as_agent(cordon, 1, "DELETE", "/v1/jobs/" + one).json().at("outcome").at("kind") == "cancelled");
  const auto killed = as_operator(cordon, person(cordon, 1), "PUT", "/v1/kill/profile/strict", {{"reason", "test"}});
  CHECK(killed.json().at("killed") == Json::array({other}));
  CHECK(ended(cordon, other).at("outcome").at("kind") == "killed");
  CHECK(ended(cordon, other).at("started_at").is_null());
}

TEST_CASE("what policy refuses is 403 and never a job", "[governed:policy]") {
  const Instance cordon(Json{{"policy", policy("refuse", strict_only)}});
  const auto refused = cordon.post(held_job());
  CHECK(refused.status == 403);
  CHECK(refused.json().at("code") == "policy_refused");
  CHECK(refused.json().at("detail").get<std::string>().find("look-first") != std::string::npos);
  CHECK(cordon.get("/v1/jobs").json().at("jobs").empty());
}

TEST_CASE("another policy than the one it was approved under lets it not start", "[governed:mutation][threat:replay]") {
  Instance cordon(Json{{"policy", policy(needs(1), strict_only)}, {"max_running", 1}});
  const std::string blocker = cordon.submit({{"argv", Json::array({"sleep", "30"})}}).at("id");
  REQUIRE(cordon.reaches(blocker, "running"));
  const auto id = submit(cordon, held_job());
  CHECK(approve(cordon, 1, id).status == 200);
  CHECK(seen(cordon, id).at("state") == "queued");
  auto config = Json::parse(read_text(cordon.directory() + "/cordon.json"));
  config["policy"]["owners"] = {{"policy", "somebody else"}};
  std::ofstream(cordon.directory() + "/cordon.json") << config.dump();
  CHECK(as_operator(cordon, person(cordon, 1), "POST", "/v1/reload", Json::object()).status == 200);
  cordon.remove("/v1/jobs/" + blocker);
  const auto job = ended(cordon, id);
  CHECK(job.at("outcome").at("kind") == "denied");
  CHECK(job.at("outcome").at("by") == "approval");
  CHECK(job.at("started_at").is_null());
}

namespace {

// One bit of the first place in the journal's file where `text` stands, as a faulty or a hostile disk would have it.
void flip_in_journal(const Instance& cordon, const std::string& text, std::size_t byte) {
  const auto path = cordon.directory() + "/state/daemon/journal.db";
  auto bytes = read_text(path);
  std::size_t places = 0;
  for (auto at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1), ++places)
    bytes[at + byte] = static_cast<char>(bytes[at + byte] ^ 1);
  REQUIRE(places > 0);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TEST_CASE("a bit of what was approved that is flipped on disk before it starts: it is denied and never runs",
          "[governed:mutation][threat:replay]") {
  Instance cordon(Json{{"policy", policy(needs(1), strict_only)}, {"max_running", 1}});
  for (const char* what : {"echo marked-request", "\"submitter_uid\"", "\"action_sha256\""}) {
    INFO(what);
    const std::string blocker = cordon.submit({{"argv", Json::array({"sleep", "60"})}}).at("id");
    REQUIRE(comes_to(cordon, blocker, "running"));
    const auto id = submit(cordon, held_job("echo marked-request"));
    CHECK(approve(cordon, 1, id).status == 200);
    REQUIRE(seen(cordon, id).at("state") == "queued");
    REQUIRE(cordon.daemon().end(std::chrono::seconds(20)));
    flip_in_journal(cordon, what, 7);
    cordon.start_daemon();
    const auto job = ended(cordon, id);
    INFO(job.dump());
    CHECK(job.at("outcome").at("kind") == "denied");
    CHECK(job.at("outcome").at("by") == "approval");
    CHECK(job.at("started_at").is_null());
  }
}

TEST_CASE("a bit of an artifact that is flipped on disk after the approval: it is not given to the job",
          "[governed:mutation]") {
  const Instance cordon(Json{{"policy", policy(needs(1), strict_only)}});
  const auto made = as_agent(cordon, 1, "POST", "/v1/jobs",
                             {{"argv", Json::array({"sh", "-c", "echo good >f"})}, {"collect", {"f"}}, {"wait", true}});
  REQUIRE(made.status == 200);
  const std::string digest = made.json().at("artifacts").at(0).at("sha256");
  auto wish = held_job("cat f");
  wish["files"] = Json::array({{{"path", "f"}, {"artifact", {{"job", made.json().at("id")}, {"path", "f"}}}}});
  const auto id = submit(cordon, wish);
  CHECK(shown(cordon, id).at("action").at("files").at(0).at("sha256") == digest);
  int changed = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(cordon.directory() + "/state/daemon/artifacts")) {
    if (!entry.is_regular_file() || read_text(entry.path()) != "good\n") continue;
    std::ofstream(entry.path(), std::ios::binary | std::ios::in | std::ios::out) << "evil\n";
    ++changed;
  }
  REQUIRE(changed == 1);
  CHECK(approve(cordon, 1, id).status == 200);
  const auto job = ended(cordon, id);
  INFO(job.dump());
  CHECK(job.at("outcome").at("kind") == "setup_failed");
  CHECK(job.at("outcome").at("step") == "read the artifact");
  CHECK(job.at("started_at").is_null());
}
