#include "sandbox/launcher/lifeline.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "sandbox/launcher/hello.hpp"
#include "sandbox/launcher/sandbox.hpp"

namespace cordon {

namespace {

// Anything but a sealed memfd could be a way out of the sandbox: a directory, a socket, a file that changes.
void require_sealed_memfd(const Fd& fd) {
  constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  const int found = ::fcntl(fd.get(), F_GET_SEALS);
  if (found < 0 || (found & seals) != seals)
    throw KernelError("accept a descriptor", "that is not a sealed memfd", found < 0 ? errno : EINVAL,
                      "send sealed memfds only");
}

const CompiledProfile& find_profile(Host& host, const Sha256& digest) {
  if (const auto* known = host.policy.find(digest)) return *known;
  host.policy = load_policy(host.config_file);  // the files may have changed since this launcher read them
  if (const auto* found = host.policy.find(digest)) return *found;
  throw KernelError("find the profile", hex(digest), ENOENT,
                    "cordond and the launcher read different files: reload both");
}

[[noreturn]] void misunderstood() {
  throw KernelError("decode the request", "of cordond", EBADMSG, "cordond and the launcher are of different versions");
}

LaunchPlan plan_sandbox(Host& host, const ReceivedMessage& request, std::optional<Lease> lease) {
  const auto preparation = decode_preparation(request.bytes);
  if (!preparation || !request.fds.empty()) misunderstood();
  if (!lease) throw KernelError("lease ids for a job", "", EAGAIN, "raise uids.count, or lower max_running");
  if (!host.images.has(preparation->image))
    throw KernelError("find the image", preparation->image, ENOENT, "restart the launcher after adding an image");
  const auto& profile = find_profile(host, preparation->profile);
  if (!preparation->prestart.empty() && !profile.prestart.contains(preparation->prestart))
    throw KernelError("find the prestart", preparation->prestart + " of profile " + profile.name, ENOENT,
                      "cordond and the launcher are of different versions");
  return make_plan(*preparation, profile, host.policy.init_filter, *lease);
}

void tell_prepared(int lifeline, Sandbox& sandbox) {
  const auto prepared = sandbox.prepare();
  const auto events = sandbox.open_events();
  auto fds = sandbox.read_ends();
  fds.push_back(events.get());
  send_message(lifeline, encode(LauncherMessage(prepared)), fds);
  sandbox.close_read_ends();
}

// A message of a cordond that has hung up is no message.
JobSpec decode_job(const ReceivedMessage& request, const LaunchPlan& plan) {
  if (request.bytes.empty()) throw LifelineClosed{};
  auto spec = decode_job_spec(request.bytes);
  if (!spec || request.fds.size() != job_fd_count) misunderstood();
  for (const auto& fd : request.fds) require_sealed_memfd(fd);
  for (const auto& fits : {check_limits(plan, spec->limits), check_egress(plan, spec->egress)}) {
    if (fits) continue;
    const auto& e = fits.error();
    throw KernelError(e.step, e.object, e.error, e.remedy);
  }
  return *spec;
}

// By root's stop-all, perhaps: it kills by the cgroup, and we only see what that does to us.
bool was_ended_from_outside(const Ending& ending) {
  return std::holds_alternative<SetupFailed>(ending) || std::holds_alternative<Vanished>(ending);
}

// However far it came: when its end is told, nothing of it runs. What we cannot kill ends with us: the resident
// launcher clears up behind each of us.
void put_an_end_to(Sandbox& sandbox, Finished& finished) {
  try {
    if (!sandbox.end()) finished.ending = Hanging{};
  } catch (const KernelError& e) {
    fmt::print(stderr, "cordon-launcher: {}\n", e.what());
  }
}

// Nobody may be there to be told any more; the witness's last word is due all the same.
void tell_finished(int lifeline, const Finished& finished) {
  try {
    send_message(lifeline, encode(LauncherMessage(finished)));
  } catch (const KernelError& e) {
    fmt::print(stderr, "cordon-launcher: {}\n", e.what());
  }
}

void serve_job(int lifeline, const ReceivedMessage& request, std::optional<Lease> lease, Host& host) {
  Timings timings;
  Finished finished;
  Witness witness(host.ledger);
  std::optional<Sandbox> sandbox;
  try {
    const auto plan = plan_sandbox(host, request, lease);
    sandbox.emplace(lifeline, plan, host, timings, witness);
    tell_prepared(lifeline, *sandbox);
    auto order = sandbox->await_job();
    const auto job = decode_job(order, plan);
    finished = sandbox->run(job, std::move(order.fds));
  } catch (const KernelError& e) {
    if (sandbox && sandbox->gone())
      finished.ending = Vanished{e.what()};
    else
      finished.ending = SetupFailed{e.step, e.object, e.error, e.remedy};
  } catch (const std::bad_alloc&) {
    if (sandbox && sandbox->gone())
      finished.ending = Vanished{"the launcher is out of memory"};
    else
      finished.ending = SetupFailed{"allocate memory", "in the launcher", ENOMEM, "the host is out of memory"};
  } catch (const LifelineClosed&) {
    finished.ending = HungUp{};
  } catch (const JobDeclined& declined) {
    finished.ending = Declined{declined.reason};
  } catch (const LatchClosed& closed) {
    finished.ending = closed.ending;
  }
  if (was_ended_from_outside(finished.ending))
    if (auto stopped = host.latch.stopped()) finished.ending = *stopped;
  if (sandbox) put_an_end_to(*sandbox, finished);
  finished.timings_us = timings.list();
  witness.end(finished);
  tell_finished(lifeline, finished);
  sandbox.reset();
  witness.finish();
}

std::optional<ReceivedMessage> receive_request(int lifeline) {
  try {
    return receive_message(lifeline, max_message, job_fd_count);
  } catch (const KernelError& e) {
    refuse_job(lifeline, e);
    throw;
  }
}

}  // namespace

void refuse_job(int lifeline, const KernelError& why) {
  Finished finished;
  finished.ending = SetupFailed{why.step, why.object, why.error, why.remedy};
  send_message(lifeline, encode(LauncherMessage(finished)));
}

void serve_lifeline(Fd lifeline, std::optional<Lease> lease, Host& host) {
  auto request = receive_request(lifeline.get());
  if (!request || request->bytes.empty()) return;
  if (is_hello(request->bytes)) return answer_hello(lifeline.get(), host);
  serve_job(lifeline.get(), *request, lease, host);
}

}  // namespace cordon
