// Promise (architecture.md, law 4): a warm sandbox is a cold one whose preparation is done: a job that takes one is
// confined, limited, counted and fed as any other, and is the only one that ever does.
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "tests/promises/warmth.hpp"

using namespace cordon::test;

namespace {

constexpr std::size_t mebi = std::size_t{1024} * 1024;

// Which of two sandboxes it is: what differs between any two, and must.
const std::vector<std::string> own_ids{"uid",           "init.uid",      "namespace.ipc",  "namespace.mnt",
                                       "namespace.net", "namespace.pid", "namespace.user", "namespace.uts"};

std::string output_of(const Json& job) {
  INFO(ending_of(job));
  REQUIRE(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  return job.at("stdout").get<std::string>();
}

// Milliseconds of processor time of `true` without a sandbox.
double cpu_of_bare_true() {
  char* argv[] = {const_cast<char*>("true"), nullptr};
  pid_t child = -1;
  REQUIRE(::posix_spawn(&child, "/bin/true", nullptr, nullptr, argv, nullptr) == 0);
  rusage used{};
  REQUIRE(::wait4(child, nullptr, 0, &used) == child);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

Json with_limits(Json job, const Json& limits) {
  for (const auto& [name, value] : limits.items()) job["limits"][name] = value;
  return job;
}

// How much of each there is, tried out. Scratch last: what is full stays so.
const char* const measure = R"(
import errno, json, os, resource, signal
found = {'rlimits': {n: resource.getrlimit(getattr(resource, n)) for n in sorted(dir(resource)) if n.startswith('RLIMIT_')}}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
children, fds = [], []
try:
  while len(children) < 1000:
    child = os.fork()
    if child == 0: signal.pause()
    children.append(child)
except OSError as e: found['pids'] = [len(children), errno.errorcode[e.errno]]
for child in children: os.kill(child, signal.SIGKILL); os.waitpid(child, 0)
try:
  while len(fds) < 5000: fds.append(os.open('/dev/null', os.O_RDONLY))
except OSError as e: found['open_files'] = [len(fds), errno.errorcode[e.errno]]
for fd in fds: os.close(fd)
def fill(name, block, most):
  fd, size = os.open(name, os.O_WRONLY | os.O_CREAT), 0
  try:
    while size < most: size += os.write(fd, block)
  except OSError as e: return [size, errno.errorcode[e.errno]]
  finally: os.close(fd)
found['file_bytes'] = fill('one', b'x' * 65536, 1 << 30)
os.unlink('one')
total = 0
for i in range(1000):
  size, why = fill(str(i), b'x' * 65536, 1 << 30)
  total += size
  if why == 'ENOSPC': break
found['scratch_bytes'] = [total, why]
for j in range(i + 1): os.unlink(str(j))
made = 0
try:
  while made < 100000:
    os.close(os.open('f%d' % made, os.O_WRONLY | os.O_CREAT)); made += 1
except OSError as e: found['scratch_inodes'] = [made, errno.errorcode[e.errno]]
print(json.dumps(found))
)";

const Json lowered{{"pids", 20},
                   {"open_files", 40},
                   {"file_bytes", 2 * mebi},
                   {"scratch_bytes", 9 * mebi},
                   {"scratch_inodes", 99},
                   {"memory_bytes", 150 * mebi},
                   {"cpus", 0.5}};
const Json raised{{"pids", 150},
                  {"open_files", 700},
                  {"file_bytes", 90 * mebi},
                  {"scratch_bytes", 120 * mebi},
                  {"scratch_inodes", 20000},
                  {"memory_bytes", 800 * mebi},
                  {"cpus", 2}};

void expect_limit(const Json& found, const char* name, const Json& limits, const char* error, double slack) {
  INFO(name << ": " << found.at(name));
  const auto limit = limits.at(name).get<double>();
  const auto reached = found.at(name).at(0).get<double>();
  CHECK(reached <= limit);
  CHECK(reached >= limit - slack);
  CHECK(found.at(name).at(1) == error);
}

Json take_memory(std::size_t bytes, std::size_t limit) {
  auto job = python("print(len(b'x' * " + std::to_string(bytes) + "))");
  job["limits"]["memory_bytes"] = limit;
  return job;
}

// What a tool is given and finds, told in one line.
const char* const tell = R"(
import hashlib, json, os, re, stat, sys
def fd(n):
  try: return re.sub(r'\d+', 'N', os.readlink('/proc/self/fd/' + n))
  except OSError: return None
tree = {}
for top, _, files in os.walk('/work'):
  for name in [top] + [os.path.join(top, f) for f in files]:
    s = os.lstat(name)
    tree[name] = [stat.filemode(s.st_mode), s.st_uid == os.getuid(), s.st_gid == os.getgid(),
                  hashlib.sha256(open(name, 'rb').read()).hexdigest() if stat.S_ISREG(s.st_mode) else '']
status = dict(l.split(':', 1) for l in open('/proc/self/status').read().splitlines())
print(json.dumps({'argv': sys.argv[1:], 'env': dict(os.environ), 'cwd': os.getcwd(), 'stdin': sys.stdin.read(), 'tree': tree,
  'fds': {n: t for n in sorted(os.listdir('/proc/self/fd')) if (t := fd(n))}, 'ids': [os.getpid(), os.getppid(), os.getsid(0)],
  'status': {k: status[k].strip() for k in ('SigBlk', 'SigIgn', 'SigCgt', 'ShdPnd', 'SigPnd', 'Umask', 'FDSize', 'Threads')},
  'tmp': os.listdir('/tmp')}))
os.makedirs('/work/data/out/deep')
open('/work/data/out/deep/a.txt', 'w').write('found')
open('/work/data/out/b.bin', 'wb').write(bytes(range(256)) * 4096)
)";

Json fed() {
  std::string large(5 * mebi, 'x');
  for (std::size_t i = 0; i < large.size(); i += 4099) large[i] = static_cast<char>('a' + i % 26);
  return {{"argv", Json::array({"python3", "../tell.py", "one", "", "two words", "\xc3\xa4"})},
          {"cwd", "data"},
          {"stdin", "given\n"},
          {"env", {{"GIVEN", "yes"}, {"EMPTY", ""}}},
          {"files",
           Json::array({{{"path", "tell.py"}, {"content", tell}},
                        {{"path", "data/run.sh"}, {"content", "#!/bin/sh\n"}, {"mode", "0755"}},
                        {{"path", "data/private/key"}, {"content", "a2V5"}, {"encoding", "base64"}, {"mode", "0400"}},
                        {{"path", "large"}, {"content", large}}})},
          {"collect", Json::array({"data/out/**", "data/private/*"})}};
}

void give_tenants(const Instance& cordon) {
  Json actors = Json::array();
  for (const unsigned number : {1U, 2U}) {
    const auto name = std::to_string(number);
    actors.push_back({{"name", "actor" + name}, {"tenant", "tenant" + name}, {"uids", {cordon.agent(number).uid}}});
  }
  auto config = with_warm_sandboxes();
  config["actors"] = actors;
  config["profile_dirs"] = Json::array({cordon.directory() + "/profiles"});
  std::ofstream(cordon.directory() + "/cordon.json") << config.dump();
  REQUIRE(call(cordon.operator_socket(), {.method = "POST", .target = "/v1/reload"}).status == 200);
}

}  // namespace

TEST_CASE("a job in a warm sandbox is confined as one that starts cold is: the kernel says the same of both",
          "[threat:missing-filter]") {
  const Instance warm(with_warm_sandboxes()), cold;
  for (const auto& limits : {Json::object(), lowered, raised}) {
    const auto job = with_limits({{"argv", {"true"}}}, limits);
    const auto ours = run_warm(warm, job).at("enforced"), theirs = run_cold(cold, job).at("enforced");
    CHECK(keys_of(ours) == keys_of(theirs));
    CHECK(ours.size() > 60);
    CHECK(without_ids(ours) == without_ids(theirs));
  }
}

TEST_CASE("each job has a sandbox of its own, warm or not, and finds nothing of the one before",
          "[threat:shared-ipc][threat:leaks]") {
  const Instance cordon(with_warm_sandboxes());
  std::map<std::string, std::set<std::string>> seen;
  std::vector<std::string> ids;
  constexpr std::size_t jobs = 6;
  for (std::size_t i = 0; i < jobs; ++i)
    ids.push_back(submit_warm(cordon, {{"argv", {"sleep", "60"}}, {"limits", {{"wall_ms", 60000}}}}));
  for (const auto& id : ids) {
    const auto job = cordon.get("/v1/jobs/" + id).json();
    CHECK(job.at("state") == "running");
    for (const auto& what : own_ids) seen[what].insert(job.at("enforced").at(what).get<std::string>());
  }
  for (const auto& what : own_ids) {
    INFO(what);
    CHECK(seen[what].size() == jobs);
  }
  for (const auto& id : ids) cordon.remove("/v1/jobs/" + id);
  const Json leaves{{"argv", {"sh", "-c", "for d in /tmp /work /dev/shm; do ls -A $d; echo x >$d/left; done"}}};
  for (int i = 0; i < 4; ++i) CHECK(output_of(run_warm(cordon, leaves)).empty());
}

TEST_CASE("the limits of a job in a warm sandbox are its own, lowered and raised, and not those it was prepared with",
          "[threat:bombs]") {
  const Instance warm(with_warm_sandboxes()), cold;
  for (const auto& limits : {lowered, raised}) {
    const auto job = with_limits(python(measure), limits);
    const auto ours = run_warm(warm, job), theirs = run_cold(cold, job);
    const auto found = Json::parse(output_of(ours));
    CHECK(found == Json::parse(output_of(theirs)));
    expect_limit(found, "pids", limits, "EAGAIN", 4);
    expect_limit(found, "open_files", limits, "EMFILE", 4);
    expect_limit(found, "file_bytes", limits, "EFBIG", 0);
    expect_limit(found, "scratch_bytes", limits, "ENOSPC", mebi);
    expect_limit(found, "scratch_inodes", limits, "ENOSPC", 32);
    for (const auto& [name, value] : limits.items()) CHECK(ours.at("limits").at(name) == value);
  }
}

TEST_CASE("a job in a warm sandbox is out of memory at its own limit, below and above what it was prepared with",
          "[threat:bombs]") {
  const Instance cordon(with_warm_sandboxes());
  for (const auto& [limit, fits, exceeds] : {std::tuple{150U, 100U, 200U}, std::tuple{900U, 700U, 1000U}}) {
    CHECK(output_of(run_warm(cordon, take_memory(fits * mebi, limit * mebi))) == std::to_string(fits * mebi) + "\n");
    CHECK(run_warm(cordon, take_memory(exceeds * mebi, limit * mebi)).at("outcome").at("kind") == "out_of_memory");
  }
}

TEST_CASE("time is the job's own in a warm sandbox: the wait before it counts in no limit and in no usage",
          "[threat:wall-tricks][threat:cpu-hiding]") {
  const Instance warm(with_warm_sandboxes()), cold;
  REQUIRE(await_waiting(warm));
  const auto since = std::chrono::steady_clock::now();
  const auto waited = std::chrono::milliseconds(2500);
  REQUIRE(eventually([&] { return std::chrono::steady_clock::now() - since > waited; }));
  const auto slow = static_cast<double>(slowness());
  Json job{{"argv", {"sleep", "1"}}, {"limits", {{"wall_ms", 2200 * slowness()}, {"cpu_ms", 500 * slowness()}}}};
  const auto rested = run_warm(warm, job);
  CHECK(rested.at("timings").at("idle").get<double>() >= 2000);
  CHECK(output_of(rested).empty());
  CHECK(rested.at("usage").at("wall_ms").get<double>() >= 1000);
  CHECK(rested.at("usage").at("wall_ms").get<double>() < 2200 * slow);
  // Of several: the machine adds to it, and takes nothing away.
  double least_cpu = 1000, least_cold_cpu = 1000, least_bare_cpu = 1000;
  for (int i = 0; i < 5; ++i) {
    const auto cpu = [](const Json& of) { return of.at("usage").at("cpu_ms").get<double>(); };
    least_cpu = std::min(least_cpu, cpu(run_warm(warm, {{"argv", {"true"}}})));
    least_cold_cpu = std::min(least_cold_cpu, cpu(run_cold(cold, {{"argv", {"true"}}})));
    least_bare_cpu = std::min(least_bare_cpu, cpu_of_bare_true());
  }
  INFO("cpu_ms " << least_cpu << " warm, " << least_cold_cpu << " cold, " << least_bare_cpu << " bare");
  CHECK(least_cpu < least_cold_cpu + 1 * slow);
  CHECK(least_cpu < 2 * slow + 2 * least_bare_cpu);  // with what a preparation takes it is more
  job["argv"] = {"sleep", "60"};
  job["limits"]["wall_ms"] = 700 * slowness();
  const auto over = run_warm(warm, job);
  CHECK(over.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "wall"}}));
  CHECK(over.at("usage").at("wall_ms").get<double>() >= 700 * slow);
  CHECK(over.at("usage").at("wall_ms").get<double>() < 2700 * slow);
}

TEST_CASE("processor time and share are limited in a warm sandbox as the job says", "[threat:cpu-hiding]") {
  const Instance cordon(with_warm_sandboxes());
  const auto spin = python("import time\nwhile time.process_time() < 0.6: pass");
  const auto share = run_warm(cordon, with_limits(spin, {{"cpus", 0.2}}));
  output_of(share);
  CHECK(share.at("usage").at("wall_ms").get<double>() > 2 * share.at("usage").at("cpu_ms").get<double>());
  const auto over = run_warm(cordon, with_limits(spin, {{"cpu_ms", 200}}));
  CHECK(over.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "cpu"}}));
}

TEST_CASE("a tool in a warm sandbox is given what it would be given in a cold one, and no descriptor more",
          "[threat:leaked-fd]") {
  const Instance warm(with_warm_sandboxes()), cold;
  const auto ours = run_warm(warm, fed()), theirs = run_cold(cold, fed());
  const auto found = Json::parse(output_of(ours));
  CHECK(found == Json::parse(output_of(theirs)));
  CHECK(found.at("argv") == Json::array({"one", "", "two words", "\xc3\xa4"}));
  CHECK(found.at("cwd") == "/work/data");
  CHECK(found.at("stdin") == "given\n");
  CHECK(found.at("env").at("GIVEN") == "yes");
  CHECK(found.at("tree").at("/work/data/run.sh").at(0) == "-rwxr-xr-x");
  CHECK(found.at("tree").at("/work/data/private/key").at(0) == "-r--------");
  CHECK(found.at("fds").size() == 3);
  CHECK(ours.at("artifacts").size() == 3);
  CHECK(ours.at("artifacts") == theirs.at("artifacts"));
  CHECK(ours.at("skipped") == theirs.at("skipped"));
  CHECK(keys_of(ours.at("timings")).contains("collect"));
}

TEST_CASE("a job that cannot be set up, or whose tool cannot be executed, says so as one that starts cold does",
          "[threat:lost-as-success]") {
  const Instance warm(with_warm_sandboxes()), cold;
  Json files = Json::array();  // of a byte each, which takes a page
  for (int i = 0; i < 300; ++i) files.push_back({{"path", std::to_string(i)}, {"content", "x"}});
  const std::vector<std::pair<const char*, Json>> faulty{
      {"setup_failed", {{"argv", {"true"}}, {"files", files}, {"limits", {{"scratch_bytes", mebi}}}}},
      {"exited", {{"argv", {"no-such-program"}}}},
      {"exited", {{"argv", {"/usr"}}}}};
  for (const auto& [kind, job] : faulty) {
    REQUIRE(await_waiting(warm));
    const auto ours = warm.run(job).at("outcome");
    INFO(ours);
    CHECK(ours.at("kind") == kind);
    CHECK(ours == cold.run(job).at("outcome"));
    CHECK(warm.logs().find("warm_sandbox_failed") == std::string::npos);  // it is not the sandbox's fault
    CHECK(ours.contains(ours.at("kind") == "exited" ? "error" : "remedy"));
  }
}

TEST_CASE("no channel leads from a job in a warm sandbox to another tenant's, beside it or behind it",
          "[threat:shared-ipc]") {
  const Instance cordon(with_warm_sandboxes());
  give_tenants(cordon);
  REQUIRE(await_waiting(cordon));
  auto victim = probe("channels", {"serve", "/usr/bin/env"});
  victim["limits"]["wall_ms"] = 60000;
  const auto id = submit_warm(cordon, victim, 1);
  const auto asked = [&](const std::string& method, const std::string& rest) {
    return cordon.request({.method = method, .target = "/v1/jobs/" + id + rest, .as = cordon.agent(1)});
  };
  REQUIRE(eventually([&] { return asked("GET", "/stdout").body == "set up\n"; }));
  std::vector<std::string> arguments{"attempt", "/usr/bin/env"};
  for (const auto pid : job_processes(cordon.whose())) arguments.push_back(std::to_string(pid));
  auto attacker = probe("channels", arguments);
  attacker["limits"] = {{"wall_ms", 30000}};
  const auto expect_held = [&] {
    const auto attack = run_warm(cordon, attacker, 2);
    const auto text = output_of(attack);
    INFO(text);
    CHECK(attack.at("tenant") == "tenant2");
    CHECK(text.find("GOT THROUGH") == std::string::npos);
    CHECK(text.find("held: shmget of another's key\n") != std::string::npos);
    CHECK(text.find("held: a key in the user keyring\n") != std::string::npos);
    CHECK(text.find("held: mq_open of another's queue\n") != std::string::npos);
    CHECK(text.find("held: an abstract stream socket\n") != std::string::npos);
  };
  expect_held();
  CHECK(asked("DELETE", "").json().at("outcome").at("kind") == "cancelled");
  expect_held();
}
