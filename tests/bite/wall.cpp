#include "tests/bite/wall.hpp"

#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

namespace cordon::bite {

namespace {

std::string text_of(const Steps& steps) {
  std::string text;
  for (const auto step : steps) text += std::string(step_names[static_cast<unsigned>(step)]) + " ";
  return text;
}

// The value of security.capability that gives a program the right to read all files. Not more: this machine's root may
// itself not have all, and then no program can be given them.
std::string reading_all() {
  vfs_cap_data value{};
  value.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
  value.data[0].permitted = 1U << CAP_DAC_OVERRIDE;
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

const Steps what_notices{Step::read_back, Step::self_probe};

LeavingOut::File::File() : path("/tmp/cordon-leave-out-XXXXXX") {
  ::close(::mkstemp(path.data()));
}

LeavingOut::File::~File() {
  ::unlink(path.c_str());
}

LeavingOut::LeavingOut(const Json& config, const Steps& from_the_start) {
  leave_out(from_the_start);
  cordon_.emplace(
      config, std::vector<std::string>{"env", "CORDON_LEAVE_OUT=" + file_.path, CORDON_BITE_DIR "/cordon-launcher"});
}

void LeavingOut::leave_out(const Steps& steps) const {
  std::ofstream(file_.path, std::ios::trunc) << text_of(steps);
}

Ground::Ground() {
  for (const char* directory : {"bin", "dev/shm", "etc", "proc", "run", "sys", "work"}) image_.directory(directory);
  image_.directory("tmp", 01777);
  image_.program("bin/walls", "walls", 0755);
  image_.program("bin/setuid", "walls", 04755);
  image_.program("bin/capable", "walls", 0755);
  image_.attribute("bin/capable", "security.capability", reading_all());
  image_.file("secret", "of root alone\n", 0600);
  image_.file("open", "for all\n", 0666);
  image_.node("device", S_IFCHR | 0666, 1, 5);  // /dev/zero
  image_.node("dev/hidden", S_IFCHR | 0666, 1, 5);
}

Json Ground::config() const {
  return {{"images", {{"host", Json::object()}, {"ground", {{"rootfs", image_.root().string()}}}}}};
}

Json over(const std::string& wall, const std::string& argument, const std::string& program) {
  return {{"image", "ground"}, {"argv", Json::array({"/bin/" + program, wall, argument})}};
}

std::string verdict(const Json& job) {
  const auto said = job.at("stdout").get<std::string>();
  for (const char* word : {"held", "GOT THROUGH"})
    if (said.starts_with(std::string(word) + ": ")) return word;
  const auto& outcome = job.at("outcome");
  if (outcome.at("kind") == "timed_out") return "timed out: " + outcome.at("limit").get<std::string>();
  if (outcome.at("kind") != "exited") return outcome.dump();
  const bool may_not_start = outcome.contains("error") && outcome.at("error").at("step") == "exec" &&
                             outcome.at("error").at("errno_name") == "EPERM";
  if (may_not_start) return "held";
  return outcome.dump() + said + job.at("stderr").get<std::string>();
}

int landlock_abi() {
  return static_cast<int>(
      std::max(::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION), 0L));
}

Steps with(Steps steps, const Steps& more) {
  steps.insert(steps.end(), more.begin(), more.end());
  return steps;
}

Steps all_but(Steps steps, Step one) {
  steps.erase(std::remove(steps.begin(), steps.end(), one), steps.end());
  return steps;
}

namespace {

class Trial {
 public:
  Trial(const Ground& ground, const Wall& wall) : ground_(ground), wall_(wall) {
    if (!wall.at_start) kept_.emplace(ground.config());
  }

  std::string without(const Steps& steps) {
    const auto all = with(steps, with(wall_.also, what_notices));
    if (wall_.at_start) kept_.emplace(ground_.config(), all);
    kept_->leave_out(all);
    INFO("left out: " << text_of(all));
    return verdict(kept_->cordon().run(wall_.probe));
  }

 private:
  const Ground& ground_;
  const Wall& wall_;
  std::optional<LeavingOut> kept_;
};

}  // namespace

void expect_bite(const Ground& ground, const Wall& wall) {
  const auto& steps = wall.steps;
  CHECK(verdict(test::Instance(ground.config()).run(wall.probe)) == wall.held);
  Trial trial(ground, wall);
  for (const auto step : steps) {
    if (step == Step::landlock && landlock_abi() < wall.landlock_abi) continue;  // this kernel has no such wall
    INFO("all that is left: " << step_names[static_cast<unsigned>(step)]);
    CHECK(trial.without(all_but(steps, step)) == wall.held);
  }
  INFO("left out: " << text_of(steps));
  CHECK(trial.without(steps) == "GOT THROUGH");
}

}  // namespace cordon::bite
