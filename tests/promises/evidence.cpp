// Promise (issue 6, "Evidence ledger"): what is decided of a job and what became of it is on the record, whatever
// cordond says; without a record nothing starts; and what the ledger has answered for it never loses.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <map>
#include <thread>

#include "profiles/flow_record.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "supervisor/evidence/ledger_message.hpp"
#include "supervisor/evidence/verify.hpp"
#include "tests/promises/instance.hpp"
#include "tests/promises/launcher_line.hpp"

using namespace cordon;
using namespace cordon::test;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

Verified verified(const Instance& instance, std::chrono::seconds grace = 60s) {
  VerifyWish wish;
  wish.directory = instance.evidence_dir();
  wish.grace = grace;
  return verify_evidence(wish);
}

// What the log says of a job, by kind.
std::map<std::string, Json> said_of(const Instance& instance, const std::string& job) {
  std::map<std::string, Json> out;
  for (const auto& entry : verified(instance).log.entries) {
    auto json = Json::parse(entry.text);
    if (json.value("job", "") != job) continue;
    const std::string kind = json.at("kind");
    out[kind] = std::move(json);
  }
  return out;
}

bool is_whole(const Instance& instance) {
  const auto found = verified(instance);
  for (const auto& fault : found.faults) UNSCOPED_INFO(to_string(fault));
  for (const auto& fault : found.jobs.contradictions) UNSCOPED_INFO(to_string(fault));
  return found.faults.empty() && found.jobs.contradictions.empty();
}

const Json quick{{"argv", Json::array({"sh", "-c", "echo hello; exit 3"})}, {"labels", {{"task", "T-1"}}}};

// To the ledger, as who only cordond is.
Fd line_of_cordond(const Instance& instance) {
  return connect_as(instance.whose().first_uid - 16, instance.runtime_dir() + ledger_socket_name);
}

// In cordond's place.
class Liar {
 public:
  explicit Liar(const Instance& instance) : socket_(line_of_cordond(instance)) {
    REQUIRE(std::holds_alternative<Welcome>(ask(Hello{77})));
  }

  FromLedger ask(const ToLedger& message) {
    send_message(socket_.get(), encode(message));
    const auto answer = receive_message(socket_.get(), max_ledger_message, 0);
    const auto decoded = answer ? decode_from_ledger(answer->bytes) : std::nullopt;
    if (!decoded) throw std::runtime_error("the ledger does not answer");
    return *decoded;
  }
  bool say(EvidenceRecord record) {
    return std::holds_alternative<Appended>(ask(Append{++number_, std::move(record)}));
  }

 private:
  Fd socket_;
  std::uint64_t number_ = 0;
};

EvidenceRecord told(EvidenceKind kind, const std::string& job) {
  EvidenceRecord record{kind, {}};
  return record.put("job", job).put("actor", std::string("uid:0"));
}

// A file system of its own for the evidence, so that its end can be reached.
class SmallDisk {
 public:
  SmallDisk(std::string path, const char* options) : path_(std::move(path)) {
    struct stat owner {};
    check(::stat(path_.c_str(), &owner), "stat", path_);
    const auto kept = path_ + ".kept";  // an empty one would be a ledger that was rolled back
    fs::copy(path_, kept, fs::copy_options::recursive);
    check(::mount("tmpfs", path_.c_str(), "tmpfs", MS_NODEV | MS_NOSUID, options), "mount a tmpfs on", path_);
    fs::copy(kept, path_, fs::copy_options::recursive);
    fs::remove_all(kept);
    check(::chown(path_.c_str(), owner.st_uid, owner.st_gid), "chown", path_);
    for (const auto& entry : fs::recursive_directory_iterator(path_))
      check(::chown(entry.path().c_str(), owner.st_uid, owner.st_gid), "chown", entry.path().string());
    check(::chmod(path_.c_str(), owner.st_mode & 07777), "chmod", path_);
  }
  ~SmallDisk() { ::umount2(path_.c_str(), MNT_DETACH); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("what was decided of a job and what became of it is on the record, by cordond and by the launcher") {
  const Instance cordon;
  const auto job = cordon.run(quick);
  CHECK(job.at("evidence") == "on");
  CHECK(job.at("outcome_on_record") == true);
  CHECK(said_of(cordon, job.at("id")).contains("outcome"));  // by the time of the answer
  REQUIRE(eventually([&] { return said_of(cordon, job.at("id")).size() == 4; }));
  auto said = said_of(cordon, job.at("id"));
  CHECK(said.at("decision").at("actor") == "uid:0");
  CHECK(said.at("decision").at("labels") == Json{{"task", "T-1"}});
  CHECK(said.at("decision").at("action_sha256").get<std::string>().size() == 64);
  CHECK(said.at("decision").at("limits").at("pids") == job.at("limits").at("pids"));
  CHECK(said.at("started").at("limits") == said.at("decision").at("limits"));
  CHECK(said.at("started").at("source") == "launcher");
  CHECK(said.at("started").at("profile_sha256") == job.at("profile_sha256"));
  CHECK(said.at("started").at("filter_sha256") == job.at("enforced").at("seccomp.sha256"));
  CHECK(said.at("ended").at("ending") == "exited");
  CHECK(said.at("ended").at("code") == 3);
  CHECK(said.at("outcome").at("outcome") == "exited");
  CHECK(said.at("outcome").at("code") == 3);
  CHECK(said.at("outcome").at("usage") == said.at("ended").at("usage"));
  CHECK(said.at("outcome").at("stdout_sha256") == hex(sha256("hello\n")));
  CHECK(eventually([&] { return verified(cordon).unsigned_entries == 0; }));
  CHECK(is_whole(cordon));
}

// The ledger signs once a second; nobody waits for that.
TEST_CASE("a job does not wait for the ledger's signature") {
  const Instance cordon;
  std::vector<double> took;
  for (int i = 0; i < 5; ++i)
    took.push_back(cordon.run({{"argv", Json::array({"true"})}, {"timings", true}}).at("timings").at("assign"));
  std::sort(took.begin(), took.end());
  CHECK(took[2] < 500 * slowness());
}

TEST_CASE("no byte that a job was given or has written is in the evidence") {
  const Instance cordon(Json{{"evidence", {{"redact", Json::array({"secret"})}}}});
  const auto job = cordon.run({{"argv", Json::array({"sh", "-c", "cat; cat file; echo needle-argv"})},
                               {"stdin", "needle-stdin"},
                               {"env", {{"A", "needle-env"}}},
                               {"files", Json::array({{{"path", "file"}, {"content", "needle-file"}}})},
                               {"labels", {{"secret", "needle-label"}}}});
  REQUIRE(eventually([&] { return said_of(cordon, job.at("id")).size() == 4; }));
  for (const auto& entry : verified(cordon).log.entries) CHECK(entry.text.find("needle") == std::string::npos);
  CHECK(said_of(cordon, job.at("id")).at("decision").at("labels").at("secret") == "[redacted]");
}

TEST_CASE("while the ledger is away no job starts, and what runs ends and is recorded when it is back",
          "[governed:evidence]") {
  Instance cordon;
  const auto running = cordon.submit({{"argv", Json::array({"sh", "-c", "sleep 2; exit 5"})}});
  const std::string id = running.at("id");
  REQUIRE(cordon.reaches(id, "running"));
  REQUIRE(eventually([&] { return said_of(cordon, id).contains("started"); }));
  cordon.ledger().signal(SIGKILL);
  cordon.ledger().wait(5s);
  REQUIRE(eventually([&] { return cordon.post(quick).status == 503; }));
  const auto refused = cordon.post(quick);
  CHECK(refused.json().at("code") == "evidence_unavailable");
  CHECK(refused.json().at("remedy").get<std::string>().find("cordon-ledger") != std::string::npos);
  CHECK(cordon.get("/v1/info").json().at("evidence").at("state") == "unavailable");
  const auto unrecorded = cordon.finished(id);  // the truth is told all the same, and what it is worth
  CHECK(unrecorded.at("outcome").at("code") == 5);
  CHECK(unrecorded.at("outcome_on_record") == false);
  CHECK(cordon.get("/v1/jobs").json().at("jobs").size() == 1);
  CHECK(cordon.get("/v1/jobs").json().at("jobs").at(0).at("outcome_on_record") == false);
  cordon.start_ledger();
  CHECK(eventually([&] { return cordon.get("/v1/jobs/" + id).json().at("outcome_on_record") == true; }, 20s));
  CHECK(cordon.get("/v1/jobs").json().at("jobs").at(0).at("outcome_on_record") == true);
  REQUIRE(eventually([&] { return said_of(cordon, id).size() == 4; }, 20s));
  CHECK(said_of(cordon, id).at("ended").at("code") == 5);
  CHECK(cordon.run(quick).at("outcome").at("code") == 3);
  CHECK(eventually([&] { return is_whole(cordon); }));
}

TEST_CASE("a ledger that is killed in a stream of jobs loses nothing that it has answered for", "[governed:evidence]") {
  Instance cordon;
  std::vector<std::string> ended;
  for (int kills = 0; kills < 5; ++kills) {
    for (int i = 0; i < 6; ++i) {
      const auto answer = cordon.post({{"argv", Json::array({"true"})}, {"wait", true}});
      if (answer.status == 200 && answer.json().at("outcome_on_record") == true)
        CHECK(said_of(cordon, answer.json().at("id")).contains("outcome"));
      if (answer.status == 200) ended.push_back(answer.json().at("id"));
      if (i == 3) cordon.ledger().signal(SIGKILL);
    }
    cordon.ledger().wait(5s);
    cordon.start_ledger();
    REQUIRE(eventually([&] { return cordon.get("/v1/info").json().at("evidence").at("state") == "on"; }));
  }
  REQUIRE(ended.size() >= 15);
  for (const auto& id : ended) {
    INFO(id);
    CHECK(eventually([&] { return said_of(cordon, id).contains("outcome"); }));
    CHECK(said_of(cordon, id).contains("decision"));
  }
  CHECK(is_whole(cordon));
}

TEST_CASE("how a job ended while the ledger was away is told by the next cordond, however this one ends",
          "[governed:evidence]") {
  Instance cordon;
  const std::string id = cordon.submit({{"argv", Json::array({"sh", "-c", "sleep 1; exit 5"})}}).at("id");
  REQUIRE(cordon.reaches(id, "running"));
  REQUIRE(eventually([&] { return said_of(cordon, id).contains("started"); }));
  cordon.ledger().signal(SIGKILL);
  cordon.ledger().wait(5s);
  CHECK(cordon.finished(id).at("outcome_on_record") == false);
  for (const int signal : {SIGKILL, SIGTERM}) {  // neither of which meets the ledger
    cordon.daemon().signal(signal);
    REQUIRE(cordon.daemon().wait(20s));
    cordon.start_daemon();
    CHECK(cordon.get("/v1/jobs/" + id).json().at("outcome").at("code") == 5);
    CHECK(cordon.get("/v1/jobs/" + id).json().at("outcome_on_record") == false);
  }
  cordon.start_ledger();
  REQUIRE(eventually([&] { return said_of(cordon, id).contains("outcome"); }, 20s));
  const auto outcome = said_of(cordon, id).at("outcome");
  CHECK(outcome.at("code") == 5);
  CHECK(outcome.at("retold") == "true");
  CHECK(outcome.at("noted_at").get<std::string>() < outcome.at("time").get<std::string>());
  CHECK(cordon.get("/v1/jobs/" + id).json().at("outcome_on_record") == true);
  CHECK(eventually([&] { return said_of(cordon, id).contains("ended"); }, 20s));
  CHECK(eventually([&] { return is_whole(cordon); }));
  CHECK(eventually([&] { return fs::file_size(cordon.directory() + "/state/daemon/untold") == 0; }));
}

TEST_CASE("a full disk of the ledger's starts no job and names the remedy: with room again jobs start") {
  Instance cordon;
  REQUIRE(cordon.ledger().end(10s) == 0);
  const SmallDisk disk(cordon.evidence_dir(), "size=128k,mode=2750");
  cordon.start_ledger();
  REQUIRE(eventually([&] { return cordon.get("/v1/info").json().at("evidence").at("state") == "on"; }));
  const auto filler = cordon.evidence_dir() + "/filler";
  {
    const Fd file(check(::open(filler.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), "create", filler));
    const std::string page(4096, 'x');
    while (::write(file.get(), page.data(), page.size()) > 0) {
    }
  }
  Answer refused;
  REQUIRE(eventually([&] {
    refused = cordon.post({{"argv", Json::array({"true"})}, {"wait", true}});
    return refused.status == 503;
  }));
  CHECK(refused.json().at("code") == "evidence_unavailable");
  CHECK(refused.json().at("remedy").get<std::string>().find("make room") != std::string::npos);
  const auto before = cordon.get("/v1/jobs").json().at("jobs").size();
  CHECK(cordon.post(quick).status == 503);
  CHECK(cordon.get("/v1/jobs").json().at("jobs").size() == before);
  fs::remove(filler);
  CHECK(eventually([&] { return cordon.post({{"argv", Json::array({"true"})}, {"wait", true}}).status == 200; }));
  CHECK(eventually([&] { return is_whole(cordon); }));
  REQUIRE(cordon.ledger().end(10s) == 0);
}

TEST_CASE("a cordond that lies is contradicted by the launcher's own records", "[governed:evidence]") {
  Instance cordon;
  REQUIRE(cordon.daemon().end(20s) == 0);
  LauncherLine line(cordon);
  line.set_generation(1);
  Liar liar(cordon);
  const auto ending = line.run(1, {"sh", "-c", "exit 7"});
  REQUIRE(std::get<Exited>(ending).code == 7);

  // LauncherLine's job is one that no decision was recorded of, and no outcome.
  REQUIRE(eventually([&] { return verified(cordon, 0s).jobs.ended == 1; }));
  std::string job;
  for (const auto& entry : verified(cordon).log.entries) {
    const auto json = Json::parse(entry.text);
    if (json.at("kind") == "ended") job = json.at("job");
  }
  auto left_out = verified(cordon, 0s).jobs.contradictions;
  REQUIRE_FALSE(left_out.empty());
  CHECK(left_out.front().what.find("has not said that it let it in") != std::string::npos);

  auto lie = told(EvidenceKind::outcome, job).put("outcome", std::string("exited")).put("code", std::uint64_t{0});
  CHECK(liar.say(lie));
  const auto false_outcome = verified(cordon, 0s).jobs.contradictions;
  CHECK(std::any_of(false_outcome.begin(), false_outcome.end(), [](const EvidenceFault& fault) {
    return fault.what.find("cordond says \"exited 0\", and the launcher \"exited 7\"") != std::string::npos;
  }));

  CHECK(liar.say(
      told(EvidenceKind::outcome, "never-ran").put("outcome", std::string("exited")).put("code", std::uint64_t{0})));
  std::this_thread::sleep_for(1100ms);  // beyond the grace of a second
  CHECK(liar.say(told(EvidenceKind::reload, "")));
  const auto made_up = verified(cordon, 1s).jobs.contradictions;
  CHECK(std::any_of(made_up.begin(), made_up.end(), [](const EvidenceFault& fault) {
    return fault.what.find("job never-ran: cordond says that it exited, and the launcher has not seen that") !=
           std::string::npos;
  }));
  CHECK(verified(cordon).faults.empty());
  cordon.start_daemon();
}

TEST_CASE("cordond can say nothing in the launcher's name, and nobody else can say anything", "[governed:evidence]") {
  const Instance cordon;
  {
    Liar liar(cordon);
    CHECK_THROWS(liar.say(told(EvidenceKind::ended, "x")));
  }
  {
    Liar liar(cordon);
    CHECK_THROWS(liar.say(told(EvidenceKind::flow, "x")));
  }
  {
    Liar liar(cordon);
    CHECK_THROWS(liar.ask(Flows{}));  // once it has said who it is, it stays that
  }
  const auto try_as = [&](uid_t uid, const char* socket) {
    bool served = false;
    std::thread([&] {
      ::syscall(SYS_setresuid, uid, uid, uid);
      const Fd line(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      const auto path = cordon.runtime_dir() + socket;
      path.copy(address.sun_path, sizeof address.sun_path - 1);
      if (::connect(line.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return;
      try {
        send_message(line.get(), encode(ToLedger(Hello{1})));
        const auto answer = receive_message(line.get(), max_ledger_message, 0);
        served = answer && !answer->bytes.empty();
      } catch (const KernelError&) {
      }
    }).join();
    return served;
  };
  const auto daemon = cordon.whose().first_uid - 16;
  CHECK(try_as(daemon, ledger_socket_name));
  CHECK_FALSE(try_as(daemon, "/ledger/launcher.sock"));
  CHECK_FALSE(try_as(cordon.agent(0).uid, ledger_socket_name));
  CHECK_FALSE(try_as(0, ledger_socket_name));
  CHECK(is_whole(cordon));
}

TEST_CASE("many flows are answered for with few messages, to who reads none of them meanwhile") {
  const Instance cordon;
  const auto line = line_of_cordond(cordon);
  send_message(line.get(), encode(ToLedger(Flows{})));
  FlowToWrite flow{{"uid:1", "tenant", "", "web"}, {}};
  flow.decided.job = "a-job";
  constexpr std::uint64_t many = 2000;
  for (flow.decided.sequence = 1; flow.decided.sequence <= many; ++flow.decided.sequence)
    send_message(line.get(), encode(flow));
  std::uint64_t answered = 0;
  while (answered < many) {
    const auto answer = receive_message(line.get(), max_watcher_message, 0);
    const auto message = answer ? decode_watcher_message(answer->bytes) : std::nullopt;
    REQUIRE(message);
    const auto* written = std::get_if<EvidenceWritten>(&*message);
    REQUIRE(written != nullptr);
    REQUIRE(written->written);
    REQUIRE(written->sequence > answered);
    answered = written->sequence;
  }
  std::size_t flows = 0;
  for (const auto& entry : verified(cordon).log.entries) flows += Json::parse(entry.text).at("kind") == "flow" ? 1 : 0;
  CHECK(flows == many);
}

TEST_CASE("on a connection for flows nothing is said but flows, in the name of cordon-egress", "[governed:evidence]") {
  const Instance cordon;
  FlowToWrite flow{{"uid:1", "tenant", "", "web"}, {}};
  flow.decided.sequence = 9;
  flow.decided.job = "a-job";
  flow.decided.name = "a.test";
  auto denied = flow;
  denied.decided.reason = FlowReason::no_grant;
  const Append lie{1, told(EvidenceKind::outcome, "a-job")};
  for (const auto& said : {encode(ToLedger(lie)), encode(ToLedger(Hello{1})), encode(ToLedger(Flows{})),
                           encode(ToLedger(Attest{"a-job", {0}})), encode(FlowRecord(flow.decided)), encode(denied),
                           encode(flow) + "x", std::string("x")}) {
    const auto line = line_of_cordond(cordon);
    send_message(line.get(), encode(ToLedger(Flows{})));
    send_message(line.get(), encode(flow));
    const auto answer = receive_message(line.get(), max_watcher_message, 0);
    REQUIRE(answer);
    CHECK(decode_watcher_message(answer->bytes) == WatcherMessage(EvidenceWritten{9}));
    send_message(line.get(), said);
    const auto end = receive_message(line.get(), max_watcher_message, 0);
    CHECK((end && end->bytes.empty()));
  }
  {
    const auto line = line_of_cordond(cordon);  // nor without saying what it is for
    send_message(line.get(), encode(flow));
    const auto end = receive_message(line.get(), max_watcher_message, 0);
    CHECK((end && end->bytes.empty()));
  }
  std::size_t flows = 0;
  for (const auto& entry : verified(cordon).log.entries) {
    const auto json = Json::parse(entry.text);
    if (json.value("job", "") != "a-job") continue;
    ++flows;
    CHECK(json.at("kind") == "flow");
    CHECK(json.at("source") == "egress");
    CHECK(json.at("actor") == "uid:1");
    CHECK(json.at("verdict") == "allowed");
  }
  CHECK(flows == 8);
  CHECK(verified(cordon).faults.empty());
  CHECK(verified(cordon).jobs.contradictions.size() == 8);  // no such job was let in
}

TEST_CASE("kills are on the record, a hold is kept by the ledger, and its statement of a job opens with its key") {
  const Instance cordon;
  const auto as_operator = [&](const std::string& method, const std::string& target, const std::string& body = "") {
    return call(cordon.operator_socket(), {.method = method, .target = target, .body = body});
  };
  const auto job = cordon.run(quick);
  CHECK(as_operator("PUT", "/v1/kill/tenant/x", R"({"reason": "drill"})").status == 200);
  CHECK(as_operator("PUT", "/v1/evidence/holds/tenant/default", R"({"reason": "inquiry"})").status == 200);
  const auto standing = as_operator("GET", "/v1/evidence").json();
  CHECK(standing.at("holds") == Json::array({"tenant/default"}));
  const auto key = NoteVerifier::parse(standing.at("key").get<std::string>());
  REQUIRE(key);
  CHECK(as_operator("DELETE", "/v1/evidence/holds/tenant/default").status == 200);
  CHECK(as_operator("GET", "/v1/evidence").json().at("holds").empty());
  bool killed = false;
  for (const auto& entry : verified(cordon).log.entries) {
    const auto json = Json::parse(entry.text);
    killed = killed ||
             (json.at("kind") == "kill" && json.at("detail").get<std::string>().find("drill") != std::string::npos);
  }
  CHECK(killed);
  REQUIRE(eventually([&] { return said_of(cordon, job.at("id")).size() == 4; }));
  const auto index = said_of(cordon, job.at("id")).at("outcome").at("index").dump();
  const auto target = "/v1/evidence/jobs/" + job.at("id").get<std::string>() + "/statement?entries=" + index;
  const auto statement = as_operator("GET", target);
  REQUIRE(statement.status == 200);
  CHECK(statement.json().at("payloadType") == "application/vnd.in-toto+json");
  CHECK(as_operator("GET", target + ",0").status == 404);
  CHECK(call(cordon.agent_socket(), {.method = "GET", .target = target, .as = cordon.agent(0)}).status == 404);
}

TEST_CASE("an instance whose configuration says so has no evidence, and says that in every report") {
  const Instance cordon(Json{{"evidence", "off"}});
  const auto job = cordon.run(quick);
  CHECK(job.at("evidence") == "off");
  CHECK(job.at("outcome_on_record") == false);
  CHECK(cordon.get("/v1/info").json().at("evidence").at("state") == "off");
  CHECK_FALSE(fs::exists(cordon.evidence_dir()));
}
