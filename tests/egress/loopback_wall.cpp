#include "tests/egress/loopback_wall.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <stdexcept>

#include "netfilter/wall/kernel_table.hpp"
#include "sandbox/kernel/check.hpp"

namespace cordon::egress_test {

namespace {

constexpr const char* removal = "table inet egress_test\ndelete table inet egress_test\n";

// In a child: libnftables keeps what it has allocated until the process ends.
void load_at(const World& world, const std::string& text) {
  const Within there(world.host());
  const auto pid = check(::fork(), "fork");
  if (pid == 0) {
    try {
      load(text);
      ::_exit(0);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s\n", e.what());
      ::_exit(1);
    }
  }
  int status = 0;
  check(::waitpid(pid, &status, 0), "wait");
  if (status != 0) throw std::runtime_error("nftables did not take it: " + text);
}

}  // namespace

void raise_wall(const World& world, std::uint32_t uid) {
  load_at(world, std::string(removal) +
                     "table inet egress_test {\n"
                     "  chain out {\n"
                     "    type filter hook output priority -10; policy accept;\n"
                     "    meta skuid " +
                     std::to_string(uid) +
                     " ip daddr 127.0.0.0/8 drop\n"
                     "  }\n"
                     "}\n");
}

void remove_wall(const World& world) {
  load_at(world, removal);
}

}  // namespace cordon::egress_test
