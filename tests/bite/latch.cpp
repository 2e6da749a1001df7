// Bite (issue "Supervision", 6): without the launcher's own look at the latch, what was decided before a kill, and what
// root has stopped, is executed.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/bite/wall.hpp"
#include "tests/promises/launcher_line.hpp"

using namespace cordon::bite;
using cordon::test::LauncherLine;

namespace {

const std::vector<std::string> tool{"true"};
constexpr std::uint64_t before = 1, now = 2;

}  // namespace

TEST_CASE("it is the launcher's look at the latch that keeps a stale job from being executed",
          "[bite][threat:kill-latch]") {
  LeavingOut missing(Json::object());
  missing.cordon().daemon().end(std::chrono::seconds(10));
  LauncherLine line(missing.cordon());
  line.set_generation(now);
  CHECK(std::holds_alternative<cordon::Stale>(line.run(before, tool)));
  missing.leave_out({Step::latch});
  CHECK(std::holds_alternative<cordon::Exited>(line.run(before, tool)));
}

TEST_CASE("it is the launcher's look at the latch that keeps a job from being executed under root's stop-all",
          "[bite][threat:kill-latch]") {
  LeavingOut missing(Json::object());
  missing.cordon().daemon().end(std::chrono::seconds(10));
  LauncherLine line(missing.cordon());
  line.set_generation(now);
  std::ofstream(missing.cordon().directory() + "/state/stop-all") << "";
  CHECK(std::holds_alternative<cordon::Stopped>(line.run(now, tool)));
  missing.leave_out({Step::latch});
  CHECK(std::holds_alternative<cordon::Exited>(line.run(now, tool)));
}
