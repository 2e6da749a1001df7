#include "sandbox/kernel/bpf.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstddef>
#include <cstring>

#include "sandbox/kernel/check.hpp"

namespace cordon {

namespace {

[[noreturn]] void refuse(std::string_view what) {
  throw KernelError("run a seccomp program", what, EINVAL);
}

class Machine {
 public:
  Machine(std::string_view program, const seccomp_data& call) : program_(program), call_(call) {}

  BpfVerdict run() {
    for (std::size_t at = 0; at < size(); ++at) {  // jumps only go forward: this ends
      const auto op = instruction(at);
      switch (BPF_CLASS(op.code)) {
        case BPF_LD:
          load(op);
          break;
        case BPF_ALU:
          compute(op);
          break;
        case BPF_JMP:
          at += distance(op);
          break;
        case BPF_RET:
          return {BPF_RVAL(op.code) == BPF_A ? a_ : op.k, examined_};
        default:
          refuse("an instruction that seccomp does not have");
      }
    }
    refuse("it runs past its end");
  }

 private:
  std::size_t size() const { return program_.size() / sizeof(sock_filter); }

  sock_filter instruction(std::size_t at) const {
    sock_filter op{};
    std::memcpy(&op, program_.data() + at * sizeof op, sizeof op);
    return op;
  }

  void load(const sock_filter& op) {
    if (op.code == (BPF_LD | BPF_IMM)) {
      a_ = op.k;
      return;
    }
    const bool is_word = op.code == (BPF_LD | BPF_W | BPF_ABS);
    if (!is_word || op.k % 4 != 0 || op.k > sizeof call_ - 4) refuse("a bad load");
    std::memcpy(&a_, reinterpret_cast<const char*>(&call_) + op.k, sizeof a_);
    constexpr auto arguments = offsetof(seccomp_data, args);
    if (op.k >= arguments) examined_ = static_cast<std::uint8_t>(examined_ | 1U << ((op.k - arguments) / 8));
  }

  void compute(const sock_filter& op) {
    if (op.code != (BPF_ALU | BPF_AND | BPF_K)) refuse("arithmetic that libseccomp does not emit");
    a_ &= op.k;
  }

  std::size_t distance(const sock_filter& op) const {
    switch (BPF_OP(op.code)) {
      case BPF_JA:
        return op.k;
      case BPF_JEQ:
        return a_ == op.k ? op.jt : op.jf;
      case BPF_JGT:
        return a_ > op.k ? op.jt : op.jf;
      case BPF_JGE:
        return a_ >= op.k ? op.jt : op.jf;
      case BPF_JSET:
        return (a_ & op.k) != 0 ? op.jt : op.jf;
      default:
        refuse("a bad jump");
    }
  }

  std::string_view program_;
  const seccomp_data& call_;
  std::uint32_t a_ = 0;
  std::uint8_t examined_ = 0;
};

}  // namespace

BpfVerdict evaluate(std::string_view program, const seccomp_data& call) {
  if (program.empty() || program.size() % sizeof(sock_filter) != 0) refuse("not whole instructions");
  return Machine(program, call).run();
}

}  // namespace cordon
