#include "sandbox/init/notifications.hpp"

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sandbox/kernel/bpf.hpp"
#include "sandbox/kernel/check.hpp"

namespace cordon {

namespace {

bool same_call(const DenialRow& a, const DenialRow& b) {
  if (a.number != b.number || a.examined != b.examined) return false;
  for (std::size_t i = 0; i < a.args.size(); ++i)
    if ((a.examined & 1U << i) != 0 && a.args[i] != b.args[i]) return false;
  return true;
}

// Only ERRNO is notified; whatever else a program might say is a refusal here too.
int errno_of(std::uint32_t action) {
  return (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO ? static_cast<int>(action & SECCOMP_RET_DATA) : EPERM;
}

// Linux 6.6; not in Debian 12's headers.
constexpr unsigned long notif_set_flags = SECCOMP_IOW(4, std::uint64_t);
constexpr std::uint64_t sync_wake_up = 1;

}  // namespace

void write_down(DenialTable& record, const DenialRow& call) {
  ++record.total;
  const auto end = record.rows.begin() + static_cast<std::ptrdiff_t>(record.used);
  const auto found = std::find_if(record.rows.begin(), end, [&](const auto& row) { return same_call(row, call); });
  if (found != end) {
    ++found->count;
  } else if (end != record.rows.end()) {
    *end = call;
    end->count = 1;
    ++record.used;
  }
}

Notifications::Notifications(Fd listener, std::string refusals, DenialTable& record)
    : listener_(std::move(listener)), refusals_(std::move(refusals)), record_(record) {
  seccomp_notif_sizes sizes{};
  check(::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes), "ask for the size of seccomp notifications");
  request_.resize(std::max<std::size_t>(sizes.seccomp_notif, sizeof(seccomp_notif)));
  response_.resize(std::max<std::size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp)));
  // One of the two always waits for the other: on one processor that is quicker. Where the kernel cannot, nothing is
  // lost.
  [[maybe_unused]] const int rc = ::ioctl(listener_.get(), notif_set_flags, sync_wake_up);
}

void Notifications::answer() {
  std::fill(request_.begin(), request_.end(), std::byte{});  // the kernel insists
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, request_.data()) < 0) {
    const bool gone = errno == ENOENT || errno == EINTR;  // its caller was killed meanwhile
    if (!gone) check(-1, "receive a seccomp notification");
    return;
  }
  seccomp_notif request{};
  std::memcpy(&request, request_.data(), sizeof request);
  const auto verdict = evaluate(refusals_, request.data);
  DenialRow call{request.data.nr, verdict.examined, {}, 0};
  std::copy(std::begin(request.data.args), std::end(request.data.args), call.args.begin());
  write_down(record_, call);

  seccomp_notif_resp response{};
  response.id = request.id;
  response.error = -errno_of(verdict.action);
  std::memcpy(response_.data(), &response, sizeof response);
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, response_.data()) < 0 && errno != ENOENT)
    check(-1, "answer a seccomp notification");
}

}  // namespace cordon
