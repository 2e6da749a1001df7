#include "sandbox/launcher/filter.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <type_traits>

#include "profiles/seccomp_comparisons.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/fd.hpp"
#include "sandbox/launcher/filter_ranges.hpp"

namespace cordon {
namespace {

struct Release {
  void operator()(scmp_filter_ctx context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, Release>;

constexpr std::size_t max_rules = 8192;  // far more than fit into a program of BPF_MAXINSNS
constexpr auto too_large = "the profile's seccomp rules make a program larger than the kernel takes: shorten them";

// Stands for a known fallback's ENOSYS between libseccomp and the finished programs. No errno: profiles end below it.
constexpr std::uint32_t unrecorded_enosys = 4094;
static_assert(unrecorded_enosys > max_errno_value);

bool is_known_fallback(const SeccompRule& rule) {
  return rule.action == SeccompAction{SeccompVerdict::errno_value, ENOSYS};
}

// The same program with each RET_ERRNO as `answer` says.
template <typename Answer>
std::string with_refusals(std::string bpf, Answer answer) {
  for (std::size_t at = 0; at < bpf.size(); at += sizeof(sock_filter)) {
    sock_filter op{};
    std::memcpy(&op, bpf.data() + at, sizeof op);
    if (op.code != (BPF_RET | BPF_K) || (op.k & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO) continue;
    op.k = answer(op.k & SECCOMP_RET_DATA);
    std::memcpy(bpf.data() + at, &op, sizeof op);
  }
  return bpf;
}

std::uint32_t answer_with_errno(std::uint32_t data) {
  return SECCOMP_RET_ERRNO | (data == unrecorded_enosys ? ENOSYS : data);
}

std::uint32_t notify_unless_unrecorded(std::uint32_t data) {
  return data == unrecorded_enosys ? answer_with_errno(data) : SECCOMP_RET_USER_NOTIF;
}

// libseccomp returns a negative errno instead of setting errno.
void made(int rc, std::string_view step, std::string_view object = {}) {
  if (rc < 0) throw KernelError(step, object, -rc);
}

std::uint32_t libseccomp_action(const SeccompAction& action) {
  switch (action.verdict) {
    case SeccompVerdict::allow:
      return SCMP_ACT_ALLOW;
    case SeccompVerdict::errno_value:
      return SCMP_ACT_ERRNO(action.errno_value);
    case SeccompVerdict::kill_process:
      return SCMP_ACT_KILL_PROCESS;
    case SeccompVerdict::kill_thread:
      return SCMP_ACT_KILL_THREAD;
    case SeccompVerdict::trap:
      return SCMP_ACT_TRAP;
    case SeccompVerdict::log:
      return SCMP_ACT_LOG;
  }
  return SCMP_ACT_KILL_PROCESS;
}

scmp_compare libseccomp_compare(SeccompCompare op) {
  switch (op) {
    case SeccompCompare::ne:
      return SCMP_CMP_NE;
    case SeccompCompare::lt:
      return SCMP_CMP_LT;
    case SeccompCompare::le:
      return SCMP_CMP_LE;
    case SeccompCompare::eq:
      return SCMP_CMP_EQ;
    case SeccompCompare::ge:
      return SCMP_CMP_GE;
    case SeccompCompare::gt:
      return SCMP_CMP_GT;
    case SeccompCompare::masked_eq:
      return SCMP_CMP_MASKED_EQ;
  }
  return SCMP_CMP_EQ;
}

std::vector<scmp_arg_cmp> libseccomp_args(const std::vector<SeccompArg>& args) {
  std::vector<scmp_arg_cmp> out;
  out.reserve(args.size());
  for (const auto& arg : args) out.push_back({arg.index, libseccomp_compare(arg.op), arg.value, arg.value_two});
  return out;
}

// One filter in the making.
class Compiler {
 public:
  explicit Compiler(const SeccompPolicy& policy)
      : policy_(policy), context_(seccomp_init(libseccomp_action(policy.default_action))) {
    if (!context_) throw KernelError("make a seccomp filter", {}, ENOMEM);
    made(seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "set the bad-arch action");
    made(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "ask for a binary tree");
  }

  CompiledFilter compile() {
    for (const auto& rule : policy_.rules) {
      const bool says_nothing = rule.action == policy_.default_action && !is_known_fallback(rule);
      if (says_nothing) continue;  // libseccomp would refuse it
      for (const auto& name : rule.names) add(name, rule);
    }
    const auto program = by_ranges(exported());
    out_.bpf = with_refusals(program, answer_with_errno);
    out_.recording = with_refusals(program, notify_unless_unrecorded);
    out_.sha256 = sha256(out_.recording);
    return std::move(out_);
  }

 private:
  void add(const std::string& name, const SeccompRule& rule) {
    const int number = seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) return note(out_.unknown_calls, name);
    if (number < 0) return;  // a call of other architectures
    const auto action = is_known_fallback(rule) ? SCMP_ACT_ERRNO(unrecorded_enosys) : libseccomp_action(rule.action);
    const auto comparisons = on_what_the_kernel_reads(name, rule);
    if (!comparisons) throw KernelError("compile", name, E2BIG, too_large);
    for (const auto& change : comparisons->changes) note(out_.narrowed, change);
    for (const auto& args : comparisons->alternatives) {
      if (++rules_ > max_rules) throw KernelError("compile", name, E2BIG, too_large);
      const auto compares = libseccomp_args(args);
      made(seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(compares.size()),
                                  compares.data()),
           "add a seccomp rule for", name);
    }
  }

  static void note(std::vector<std::string>& list, const std::string& line) {
    if (std::find(list.begin(), list.end(), line) == list.end()) list.push_back(line);
  }

  std::string exported() const {
    const Fd file(check(::memfd_create("seccomp", MFD_CLOEXEC), "memfd_create for", "the seccomp program"));
    made(seccomp_export_bpf(context_.get(), file.get()), "export the seccomp program");
    struct stat info {};
    check(::fstat(file.get(), &info), "fstat", "the seccomp program");
    std::string bpf(static_cast<std::size_t>(info.st_size), '\0');
    const auto got = check(::pread(file.get(), bpf.data(), bpf.size(), 0), "read", "the seccomp program");
    if (static_cast<std::size_t>(got) != bpf.size()) throw KernelError("read", "the seccomp program", EIO);
    if (bpf.size() / sizeof(sock_filter) > BPF_MAXINSNS) throw KernelError("compile", {}, E2BIG, too_large);
    return bpf;
  }

  const SeccompPolicy& policy_;
  Context context_;
  CompiledFilter out_;
  std::size_t rules_ = 0;
};

}  // namespace

CompiledFilter compile_filter(const SeccompPolicy& policy) {
  return Compiler(policy).compile();
}

std::vector<std::string> call_names() {
  constexpr int past_all = 1024;
  std::vector<std::string> names(past_all);
  for (int number = 0; number < past_all; ++number) {
    const std::unique_ptr<char, decltype(&std::free)> name(seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number),
                                                           &std::free);
    if (name) names[static_cast<std::size_t>(number)] = name.get();
  }
  return names;
}

}  // namespace cordon
