#include "sandbox/launcher/hello.hpp"

#include <sys/utsname.h>

#include <chrono>
#include <filesystem>

#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/file.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/launcher/cgroup.hpp"
#include "sandbox/launcher/host.hpp"
#include "sandbox/report.hpp"

namespace cordon {

namespace {

using namespace std::chrono_literals;
constexpr auto former_patience = 10s;  // for all of them

// Their lifelines closed with the former cordond, so their launchers are ending them now.
unsigned wait_for_former_jobs(const CgroupLayout& layout) {
  unsigned left = 0;
  const auto deadline = std::chrono::steady_clock::now() + former_patience;
  for (const auto& entry : std::filesystem::directory_iterator(layout.unified)) {
    if (!entry.is_directory()) continue;
    const auto patience =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (!Cgroup::adopt(layout, entry.path().filename()).wait_until_empty(patience)) ++left;
  }
  return left;
}

std::string oom_score_adj() {
  auto text = read_file("/proc/self/oom_score_adj");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

void answer_hello(int lifeline, const Host& host) {
  const auto left = wait_for_former_jobs(host.cgroups);
  utsname kernel{};
  ::uname(&kernel);
  Ready ready;
  ready.version = CORDON_VERSION;
  ready.host = {{"cgroup.layout", host.cgroups.name()},
                {"kernel", kernel.release},
                {"jobs.hanging", std::to_string(left)},
                {"launcher.oom_score_adj", oom_score_adj()}};
  ready.images = host.images.names();
  for (const auto& profile : host.policy.profiles) ready.profiles.emplace_back(profile.name, profile.digest);
  send_message(lifeline, encode(LauncherMessage(ready)), {host.latch.page.get()});
  receive_message(lifeline, max_message, 0);  // until cordond goes: as long as this is open, the launcher lives
}

}  // namespace cordon
