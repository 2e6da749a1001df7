#include "tests/faults/bench.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <sstream>
#include <thread>

#include "sandbox/kernel/check.hpp"

namespace cordon::test {
namespace {

constexpr auto bound = std::chrono::seconds(5);  // of a job, whatever fails in it, and of cleaning up behind it

Instance& warm(Instance& cordon, const Json& job) {
  for (int i = 0; i < 5; ++i) cordon.run(job);
  return cordon;
}

// A lifeline without a request: the launcher's process for it ends at once.
void take_a_turn(const std::string& path) {
  const Fd lifeline(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  check(::connect(lifeline.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect to", path);
  check(::shutdown(lifeline.get(), SHUT_WR), "shutdown");
  char byte = 0;
  while (::recv(lifeline.get(), &byte, 1, 0) > 0) {
  }
}

std::string text(const Counts& counts) {
  std::ostringstream out;
  out << counts;
  return out.str();
}

}  // namespace

Json job_of_every_step() {
  Json job{{"argv", Json::array({"true"})}, {"wait", true}, {"collect", Json::array({"in/**"})}};
  job["files"] = Json::array();
  job["files"].push_back({{"path", "in/a"}, {"content", "payload"}});
  return job;
}

Bench::Bench(const Setting& setting)
    : job_(setting.job),
      cordon_(setting.config),
      beside_(setting.beside ? setting.beside(cordon_) : nullptr),
      clean_(warm(cordon_, job_).run(job_)),
      before_(cordon_.counts_at_rest()),
      tracer_(cordon_.launcher().pid()) {}

std::vector<SystemCall> Bench::record() {
  tracer_.record();
  cordon_.run(job_);
  tracer_.wait(at_test_speed(bound));
  auto calls = tracer_.launch().calls;
  tracer_.stop();
  return calls;
}

std::vector<SystemCall> Bench::record_resident() {
  tracer_.record_resident();
  cordon_.run(job_);
  cordon_.counts_settled_at(before_, bound);
  auto calls = tracer_.launch().calls;
  tracer_.stop();
  return calls;
}

Trial Bench::try_fault(const Fault& fault) {
  const auto log_before = read_text(cordon_.directory() + "/launcher.log").size();
  auto verdict = run(fault);
  tracer_.stop();
  const auto after = cordon_.counts_settled_at(before_, bound);
  const auto log = read_text(cordon_.directory() + "/launcher.log").substr(log_before);
  if (verdict.kind == Verdict::defect && !log.empty()) verdict.why += "; the launcher's log: " + log;
  if (after == before_) return {fault, std::move(verdict)};
  const auto why = verdict.why + "; left behind: " + text(after) + ", before: " + text(before_);
  before_ = after;  // told once
  return {fault, {Verdict::defect, why}};
}

Verdict Bench::run(const Fault& fault) {
  tracer_.inject(fault);
  Answer answer;
  try {
    answer = cordon_.request({.method = "POST", .target = "/v1/jobs", .body = job_.dump(), .patience = bound});
  } catch (const std::exception& e) {
    const auto launcher = tracer_.launch().launcher;
    if (launcher > 0) ::kill(launcher, SIGKILL);
    return {Verdict::defect, std::string("no answer in time: ") + e.what()};
  }
  if (answer.status != 200) return {Verdict::defect, answer.body};
  const bool is_resident = fault.call.role == "resident";  // which ends nothing that could be waited for
  if (is_resident) cordon_.counts_settled_at(before_, std::chrono::milliseconds(200));
  if (!is_resident) tracer_.wait(at_test_speed(bound));
  const auto launch = tracer_.launch();
  if (!launch.injected) return {Verdict::not_reached, ""};
  if (!launch.rights_of_init.empty())
    return {Verdict::defect, "pid 1 still had rights when the tool started:\n" + launch.rights_of_init};
  return judge(fault, answer.json(), clean_);
}

Json Bench::uid_of_a_job() {
  return cordon_.run({{"argv", Json::array({"true"})}}).at("enforced").at("uid");
}

// Ids are handed out in turn and come back to the end of the queue: one turn later it is the first one's again, unless
// the queue has become shorter. A connection takes its turn, and need not become a job.
std::string Bench::missing_ids() {
  const auto whose = cordon_.whose();
  const auto leases = whose.uid_count / 2 - 1;  // two ids each (leases.hpp), and cordond's own greeting holds one
  const auto first = uid_of_a_job();
  cordon_.counts_settled_at(before_, bound);
  std::thread([&] {  // credentials belong to a thread (nptl(7)): only cordond's user may connect
    ::syscall(SYS_setresuid, whose.first_uid - 16, whose.first_uid - 16, whose.first_uid - 16);
    for (unsigned i = 1; i < leases; ++i) take_a_turn(cordon_.launcher_socket());
  })
      .join();
  cordon_.counts_settled_at(before_, bound);
  const auto again = uid_of_a_job();
  return first == again ? "" : "after a whole turn not " + first.dump() + " but " + again.dump();
}

std::vector<Trial> try_all(const std::vector<Fault>& faults, std::vector<std::unique_ptr<Bench>>& benches) {
  std::vector<Trial> trials(faults.size());
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> threads;
  threads.reserve(benches.size());
  for (auto& bench : benches) {
    threads.emplace_back([&] {
      for (std::size_t at = 0; (at = next++) < faults.size();) trials[at] = bench->try_fault(faults[at]);
    });
  }
  for (auto& thread : threads) thread.join();
  return trials;
}

}  // namespace cordon::test
