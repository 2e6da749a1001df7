// `cordon kill --drill`: proves the kill switch end to end on canaries of its own, and touches nothing else. They bear
// a label that no other job has, and the switch is engaged for that label only.
#include <fmt/format.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/kill_receipt.hpp"
#include "cli/table.hpp"
#include "cli/wake_signals.hpp"

namespace cordon::cli {
namespace {

constexpr int canaries = 3, start_seconds = 10;
constexpr const char* label = "cordon.drill";

// Deaf to what a polite kill would send, and not alone.
constexpr const char* deaf = "trap '' TERM INT HUP; sleep 60 & sleep 60 & echo alive; wait; wait";

std::string random_name() {
  std::random_device source;
  return fmt::format("{:08x}{:08x}", source(), source());
}

class Deadline {
 public:
  Deadline() : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) {
    itimerspec when{};
    when.it_value.tv_sec = start_seconds;
    if (fd_ < 0 || ::timerfd_settime(fd_, 0, &when, nullptr) < 0) throw Failure("cannot make a timer");
  }
  ~Deadline() { ::close(fd_); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// Whatever happens meanwhile: at its end nothing is engaged and no canary lives.
class Drill {
 public:
  Drill(Client client, std::string profile)
      : client_(std::move(client)), profile_(std::move(profile)), name_(random_name()) {}
  ~Drill() {
    if (engaged_) try_to(path());
    for (const auto& id : ids_) try_to("/v1/jobs/" + id);
  }
  Drill(const Drill&) = delete;
  Drill& operator=(const Drill&) = delete;

  Json run() {
    for (int i = 0; i < canaries; ++i) submit_canary();
    const Deadline deadline;
    for (const auto& id : ids_) await_alive(id, deadline);
    auto receipt = engage();
    expect_refusal();
    expect_receipt(receipt);
    for (const auto& id : ids_) expect_killed(id);
    release();
    expect_released();
    ids_.clear();  // all of them have ended
    receipt["canaries"] = canaries;
    receipt["refused_meanwhile"] = true;
    receipt["released"] = true;
    return receipt;
  }

 private:
  std::string path() const { return "/v1/kill/drill/" + name_; }

  Response submit(const std::string& program, bool wait) const {
    const Json limits = {{"memory_bytes", 32 << 20}, {"scratch_bytes", 1 << 20}, {"file_bytes", 1 << 20}, {"pids", 8},
                         {"wall_ms", 60'000},        {"output_bytes", 4096}};
    const Json body = {{"argv", {"sh", "-c", program}},
                       {"profile", profile_},
                       {"labels", {{label, name_}}},
                       {"limits", limits},
                       {"wait", wait}};
    return client_.send({.method = "POST", .target = "/v1/jobs", .body = body.dump()});
  }

  void submit_canary() {
    const auto response = submit(deaf, false);
    if (response.status != 202) refuse(response);
    ids_.push_back(parse_answer(response.body).at("id").get<std::string>());
  }

  void await_alive(const std::string& id, const Deadline& deadline) const {
    Stream events(client_, "/v1/jobs/" + id + "/events", {});
    std::string seen;
    while (seen.find("event: stdout") == std::string::npos) {
      const auto event = events.wait(deadline.fd());
      if (event == Stream::Event::woken)
        throw Failure(fmt::format("a canary was not running after {} s", start_seconds),
                      "is the queue long? `cordon ps`");
      seen += events.take();
      if (event == Stream::Event::ended || seen.find("event: finished") != std::string::npos)
        throw Failure("a canary ended by itself", "`cordon show " + id + "` says why");
    }
  }

  Json engage() {
    engaged_ = true;  // also when the answer is lost
    return client_.get_json(
        {.method = "PUT", .target = path(), .body = Json{{"reason", "drill: canaries only"}}.dump()});
  }

  void expect_refusal() const {
    const auto response = submit("true", true);
    const bool refused =
        response.status == 403 && parse_answer(response.body).value("code", "") == "kill_switch_engaged";
    if (!refused) throw Failure(fmt::format("THE KILL SWITCH FAILED: a job was let in ({})", response.status));
  }

  void expect_receipt(const Json& receipt) const {
    auto killed = receipt.at("killed").get<std::vector<std::string>>();
    auto wanted = ids_;
    std::sort(killed.begin(), killed.end());
    std::sort(wanted.begin(), wanted.end());
    if (killed != wanted) throw Failure("THE KILL SWITCH FAILED: the receipt names other jobs than the canaries");
    if (exit_code_of_receipt(receipt) != 0) throw Failure("THE KILL SWITCH FAILED: a canary survived");
  }

  void expect_killed(const std::string& id) const {
    const auto outcome = client_.get_json({.target = "/v1/jobs/" + id}).at("outcome");
    const bool is_ours =
        outcome.is_object() && outcome.value("kind", "") == "killed" && outcome.value("scope", "") == "drill/" + name_;
    if (!is_ours) throw Failure("THE KILL SWITCH FAILED: a canary ended otherwise: " + outcome.dump());
  }

  void release() {
    (void)client_.get_json({"DELETE", path()});
    engaged_ = false;
  }

  void expect_released() const {
    const auto response = submit("true", true);
    if (response.status != 200) refuse(response);
  }

  void try_to(const std::string& target) const {
    try {
      (void)client_.send({.method = "DELETE", .target = target});
    } catch (const Failure&) {
      // There is nobody left who could; the canaries have a wall limit, and nobody else is in their scope.
    }
  }

  Client client_;
  std::string profile_, name_;
  std::vector<std::string> ids_;
  bool engaged_ = false;
};

}  // namespace

int drill_kill(const Session& session, const std::string& profile) {
  const WakeSignals held_back;  // interrupted, it still ends as it must; it is bounded
  const auto result = Drill(operator_client(session), profile).run();
  if (session.json) {
    fmt::print("{}\n", json_text(result));
    return 0;
  }
  fmt::print(
      "the kill switch works: {} canaries killed, 0 survivors, {}; a job of theirs was refused meanwhile; released\n",
      canaries, readable_time(result.at("latency_ms").get<double>()));
  return 0;
}

}  // namespace cordon::cli
