// Bite (issue "Containment, proven", must show): the probes of the other promises, where what holds them is missing.
#include <catch2/catch.hpp>

#include "tests/bite/wall.hpp"

using namespace cordon::bite;
using cordon::test::Instance;
using cordon::test::probe;

namespace {

std::string said(const Json& job) {
  return job.at("stdout").get<std::string>();
}

bool says(const Json& job, const std::string& line) {
  return ("\n" + said(job)).find("\n" + line) != std::string::npos;
}

// Ends as `held` as shipped and with nothing left out, and otherwise without `steps`.
void expect_bite_by_outcome(const Steps& steps, const Json& job, const Json& held) {
  INFO(job.at("argv").dump());
  CHECK(Instance().run(job).at("outcome") == held);
  const LeavingOut missing(Json::object());
  missing.leave_out(what_notices);
  CHECK(missing.cordon().run(job).at("outcome") == held);
  missing.leave_out(with(steps, what_notices));
  const auto without = missing.cordon().run(job);
  INFO(said(without));
  CHECK(without.at("outcome") != held);
}

// Says `line` without `steps` only.
void expect_bite_by_line(const Ground& ground, const Steps& steps, const Json& job, const std::string& line) {
  INFO(job.at("argv").dump() << " " << line);
  CHECK_FALSE(says(Instance(ground.config()).run(job), line));
  const LeavingOut missing(ground.config());
  missing.leave_out(what_notices);
  CHECK_FALSE(says(missing.cordon().run(job), line));
  missing.leave_out(with(steps, what_notices));
  const auto without = missing.cordon().run(job);
  INFO(without.at("outcome").dump() << said(without));
  CHECK(says(without, line));
}

Json in_ground(const Ground& ground, const std::string& name, const std::vector<std::string>& arguments = {}) {
  ground.image().program("bin/" + name, name, 0755);
  Json job{{"image", "ground"}, {"argv", Json::array({"/bin/" + name})}};
  for (const auto& argument : arguments) job["argv"].push_back(argument);
  return job;
}

Json with_limits(Json job, const Json& limits) {
  job["limits"] = limits;
  return job;
}

const char* const open_between_processes[] = {"a key in the user keyring",
                                              "a named session keyring",
                                              "kill",
                                              "kill of the process group",
                                              "tgkill",
                                              "sigqueue",
                                              "pidfd_send_signal",
                                              "a signal by F_SETOWN",
                                              "ptrace",
                                              "process_vm_readv",
                                              "process_vm_writev",
                                              "pidfd_getfd",
                                              "setpriority",
                                              "sched_setaffinity",
                                              "prlimit",
                                              "/proc/PID/cmdline",
                                              "/proc/PID/environ",
                                              "/proc/PID/maps",
                                              "/proc/PID/status",
                                              "/proc/PID/root",
                                              "/proc/PID/cwd",
                                              "/proc/PID/ns",
                                              "/proc/PID/fd",
                                              "the list of processes in /proc",
                                              "flock on a file of the image",
                                              "a record lock on a file of the image",
                                              "an open file's record lock on a file of the image",
                                              "splicing a page of the image",
                                              "vmsplicing a page of the image"};

const auto exited_0 = Json({{"kind", "exited"}, {"code", 0}});
constexpr int mib = 1 << 20;

}  // namespace

TEST_CASE("the probes of sockets and of tracing get through where the filter is missing",
          "[bite][threat:socket-families]") {
  expect_bite_by_outcome({Step::seccomp}, probe("sockets"), exited_0);
  expect_bite_by_outcome({Step::seccomp}, probe("trace_a_child"), exited_0);
}

TEST_CASE("the probe of secrets reads them where /proc is whole, or the tool is root", "[bite][threat:page-cache]") {
  const Ground ground;
  const auto job = in_ground(ground, "read_secrets");
  ground.image().file("etc/shadow", "of root\n", 0600);
  expect_bite_by_line(ground, {Step::proc_subset}, job, "read /proc/kallsyms\n");
  expect_bite_by_line(ground, {Step::identity, Step::user_namespace}, job, "read /etc/shadow\n");
}

TEST_CASE(
    "the search of an image finds devices, programs with rights and files to change where a mount's rule is missing",
    "[bite][threat:image-symlink]") {
  const Ground ground;
  const auto job = in_ground(ground, "search_image", {"no secret"});
  ground.image().program("bin/rights", "search_image", 04755);
  expect_bite_by_line(ground, {Step::nodev}, job, "GOT THROUGH: device /device");
  expect_bite_by_line(ground, {Step::nosuid, Step::no_new_privileges, Step::user_namespace, Step::seccomp}, job,
                      "GOT THROUGH: program /bin/rights");
  expect_bite_by_line(ground, {Step::read_only, Step::image_view, Step::landlock}, job, "GOT THROUGH: change /open");
}

TEST_CASE("a look around sees what is missing of what a tool gives up", "[bite][threat:leaked-fd]") {
  const Ground ground;
  const auto job = in_ground(ground, "look_around");
  expect_bite_by_line(ground, {Step::close_on_exec}, job, "fd 4\n");  // a socket to the launcher
  expect_bite_by_line(ground, {Step::seccomp}, job, "Seccomp:\t0\n");
  expect_bite_by_line(ground, {Step::seccomp, Step::no_new_privileges}, job, "NoNewPrivs:\t0\n");
  expect_bite_by_line(ground, {Step::bounding_set}, job, "CapBnd:\t000001ff");
  expect_bite_by_line(ground, {Step::environment_of_init, Step::environment_of_tool}, job, "env CORDON_LEAVE_OUT=");
  expect_bite_by_line(ground, {Step::core_limit}, job, "core 0 ");
}

TEST_CASE("the bombs have more where their limit is missing", "[bite][threat:bombs]") {
  const Json limits{{"wall_ms", 3000},          {"pids", 32},
                    {"memory_bytes", 32 * mib}, {"scratch_bytes", 8 * mib},
                    {"scratch_inodes", 500},    {"file_bytes", 4 * mib}};
  expect_bite_by_outcome({Step::scratch_bytes}, with_limits(probe("disk_bomb"), limits), exited_0);
  expect_bite_by_outcome({Step::scratch_inodes}, with_limits(probe("inode_bomb"), limits), exited_0);
  expect_bite_by_outcome({Step::file_size}, with_limits(probe("file_bomb"), limits), exited_0);
  const Ground ground;
  expect_bite_by_line(ground, {Step::pids_limit}, with_limits(in_ground(ground, "fork_bomb", {"bounded"}), limits),
                      "95 ");
}

TEST_CASE("what does not want to die lives on where neither cgroup.kill nor a pid namespace ends it",
          "[bite][threat:cgroup-kill]") {
  for (const char* name : {"daemons", "refork", "stopped_children"})
    expect_bite_by_outcome({Step::cgroup_kill, Step::pid_namespace}, probe(name, {"leave"}), exited_0);
}

// Namespaces in which a victim would leave something of its own to the host (ipc, net, /dev/shm, keyrings) stay.
TEST_CASE("the channels between two jobs are open where what keeps their processes apart is missing",
          "[bite][threat:shared-ipc]") {
  const Ground ground;
  const auto victim = with_limits(in_ground(ground, "channels", {"serve", "/open"}), {{"wall_ms", 30000}});
  const LeavingOut missing(ground.config());
  missing.leave_out(with(
      {Step::pid_namespace, Step::seccomp, Step::landlock, Step::unique_uid, Step::user_namespace, Step::image_view},
      what_notices));
  const auto& cordon = missing.cordon();
  const auto id = cordon.submit(victim).at("id").get<std::string>();
  REQUIRE(cordon::test::eventually([&] { return cordon.get("/v1/jobs/" + id + "/stdout").body == "set up\n"; }));
  auto attacker = victim;
  attacker["argv"][1] = "attempt";
  for (const auto pid : cordon::test::job_processes(cordon.whose())) attacker["argv"].push_back(std::to_string(pid));
  const auto job = cordon.run(attacker);
  cordon.remove("/v1/jobs/" + id);
  INFO(said(job));
  for (const char* channel : open_between_processes) {
    INFO(channel);
    CHECK(says(job, std::string("GOT THROUGH: ") + channel + "\n"));
  }
}
