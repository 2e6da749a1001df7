// Promise (threats.md, "System calls"): a running job gets for every system call that its profile denies exactly the
// answer that the reviewed table (tests/golden) says. Each is really made, with each argument pattern and by each ABI.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <map>

#include "tests/golden/table.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

// So many that an emulated processor makes them within the least wall limit of a shipped profile.
constexpr std::ptrdiff_t calls_of_a_job = 1500;

// Of every shipped profile, the name of its seccomp policy.
std::map<std::string, std::string> policies_of_profiles() {
  std::map<std::string, std::string> policies;
  for (const auto& file : std::filesystem::directory_iterator(CORDON_SOURCE_DIR "/profiles/data")) {
    const auto name = file.path().filename().string();
    if (name.ends_with(".seccomp.json")) continue;
    const auto seccomp = Json::parse(read_text(file.path()), nullptr, true, true).at("seccomp").get<std::string>();
    policies[file.path().stem()] = seccomp.substr(0, seccomp.find('.'));
  }
  return policies;
}

// As the probe writes a verdict: the errno's value.
std::string answer_of(const std::string& verdict) {
  if (verdict == "KILL_PROCESS") return "killed";
  for (int value = 1; value < 4096; ++value) {
    const auto* name = ::strerrorname_np(value);
    if (name != nullptr && verdict == name) return std::to_string(value);
  }
  throw std::runtime_error("no verdict: " + verdict);
}

// Since Linux 6.11 and 6.18 x86-64 has uretprobe and uprobe, which no filter is asked about (seccomp_uprobe_exception).
// They do something for the kernel's own trampoline only, and end any other caller with SIGILL.
bool is_past_every_filter(const Row& row, std::uint32_t number) {
  return row.abi == "native" && (number == 335 || number == 336);
}

// There are hypervisors under which int 0x80 faults, outside of every sandbox, too: no filter is asked about it then.
bool machine_has_i386_calls() {
  const auto child = ::fork();
  if (child == 0) {
    ::signal(SIGSEGV, SIG_DFL);  // which is Catch's
    long answer = 20;            // getpid
    __asm__ volatile("int $0x80" : "+a"(answer) : : "r8", "r9", "r10", "r11", "memory");
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE((WIFEXITED(status) || WTERMSIG(status) == SIGSEGV));
  return WIFEXITED(status);
}

std::vector<std::string> denied_calls(const std::string& policy, bool has_i386_calls) {
  std::vector<std::string> lines;
  for (const auto& row : rows_of(read_text(CORDON_SOURCE_DIR "/tests/golden/" + policy + ".txt"))) {
    for (auto number = row.first; number <= row.last; ++number) {
      for (std::size_t i = 0; i < argument_patterns.size(); ++i) {
        if (row.verdicts[i] == "ALLOW") continue;
        auto answer = answer_of(row.verdicts[i]);
        if (is_past_every_filter(row, number)) answer = "nothing";
        if (row.abi == "i386" && !has_i386_calls) answer = "fault";
        lines.push_back(row.abi + " " + std::to_string(number) + " " + argument_patterns[i].name + " " + answer);
      }
    }
  }
  return lines;
}

std::string joined(const std::vector<std::string>& lines, const std::string& before) {
  std::string text;
  for (const auto& line : lines) text += before + line + "\n";
  return text;
}

Json job_of(const std::string& profile, const std::string& list) {
  auto job = probe("denied_calls", {"list"});
  job["profile"] = profile;
  job["limits"] = {{"output_bytes", 1 << 20}, {"wall_ms", 60000}, {"cpu_ms", 60000}};
  job["files"].push_back({{"path", "list"}, {"content", list}});
  return job;
}

}  // namespace

TEST_CASE("every call that a profile denies is answered in a job as the reviewed table says",
          "[threat:dangerous-calls]") {
  const Instance cordon;
  const bool has_i386_calls = machine_has_i386_calls();
  if (!has_i386_calls)
    WARN("int 0x80 faults on this machine, outside of a sandbox, too: of i386 calls only that is seen");
  for (const auto& [profile, policy] : policies_of_profiles()) {
    const auto all = denied_calls(policy, has_i386_calls);
    CHECK(all.size() > argument_patterns.size() * 2 * calls_per_abi);
    for (auto begin = all.begin(); begin != all.end();) {
      const auto end = begin + std::min<std::ptrdiff_t>(calls_of_a_job, all.end() - begin);
      const std::vector<std::string> calls(begin, end);
      const auto job = cordon.run(job_of(profile, joined(calls, "")));
      INFO(profile << " " << job.at("outcome").dump());
      const auto differs = difference(joined(calls, "held: "), job.at("stdout").get<std::string>());
      if (!differs.empty()) FAIL_CHECK(differs);
      CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
      begin = end;
    }
  }
}

TEST_CASE("the probe of denied calls notices one that gets through, and one that ends its process") {
  const Instance cordon;
  const auto job = cordon.run(
      job_of("default", "native 39 zeros 1\nnative 231 zeros 1\nnative 102 zeros 1\nnative 40 ones killed\n"));
  CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 1}}));
  CHECK(job.at("stdout") ==
        "GOT THROUGH: native 39 zeros 0\nGOT THROUGH: native 231 zeros ended\n"
        "GOT THROUGH: native 102 zeros not made\nGOT THROUGH: native 40 ones 14\n");
}
