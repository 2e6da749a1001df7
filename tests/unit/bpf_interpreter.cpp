#include "tests/unit/bpf_interpreter.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstring>
#include <stdexcept>
#include <vector>

namespace cordon::test {
namespace {

class Machine {
 public:
  Machine(std::vector<sock_filter> program, const seccomp_data& data) : program_(std::move(program)), data_(data) {}

  std::uint32_t run() {
    for (std::size_t at = 0; at < program_.size(); ++at) {
      const auto& op = program_[at];
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
          return BPF_RVAL(op.code) == BPF_A ? a_ : op.k;
        default:
          throw std::runtime_error("an instruction that seccomp does not have");
      }
    }
    throw std::runtime_error("ran past the end");
  }

 private:
  void load(const sock_filter& op) {
    if (op.code == (BPF_LD | BPF_IMM)) {
      a_ = op.k;
      return;
    }
    const bool is_word = op.code == (BPF_LD | BPF_W | BPF_ABS);
    if (!is_word || op.k % 4 != 0 || op.k > sizeof data_ - 4) throw std::runtime_error("a bad load");
    std::memcpy(&a_, reinterpret_cast<const char*>(&data_) + op.k, sizeof a_);
  }

  void compute(const sock_filter& op) {
    if (op.code != (BPF_ALU | BPF_AND | BPF_K)) throw std::runtime_error("arithmetic that libseccomp does not emit");
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
        throw std::runtime_error("a bad jump");
    }
  }

  std::vector<sock_filter> program_;
  seccomp_data data_;
  std::uint32_t a_ = 0;
};

}  // namespace

std::uint32_t verdict(std::string_view bpf, const Call& call) {
  if (bpf.empty() || bpf.size() % sizeof(sock_filter) != 0) throw std::runtime_error("not whole instructions");
  std::vector<sock_filter> program(bpf.size() / sizeof(sock_filter));
  std::memcpy(program.data(), bpf.data(), bpf.size());
  seccomp_data data{};
  data.nr = static_cast<int>(call.number);
  data.arch = call.arch;
  for (std::size_t i = 0; i < call.args.size(); ++i) data.args[i] = call.args[i];
  return Machine(std::move(program), data).run();
}

}  // namespace cordon::test
