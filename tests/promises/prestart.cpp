// Promise (sandbox/prestart): a job that is given to a python which waited for it ends exactly as one for which python
// is started: what it prints, how it ends, what confines it and what limits it; and what could differ is not given to
// one.
#include <algorithm>
#include <catch2/catch.hpp>
#include <climits>
#include <fstream>
#include <functional>

#include "tests/promises/warmth.hpp"

using namespace cordon::test;

namespace {

constexpr std::size_t mebi = std::size_t{1024} * 1024;

Json command(const std::string& code, const std::vector<std::string>& arguments = {}) {
  Json argv{"python3", "-c", code};
  for (const auto& argument : arguments) argv.push_back(argument);
  return {{"argv", argv}};
}

Json program(const std::string& code, Json job = Json::object()) {
  job["argv"] = {"python3", "main.py"};
  job["files"].push_back({{"path", "main.py"}, {"content", code}});
  return job;
}

// Addresses differ from run to run.
std::string without_addresses(std::string text) {
  for (std::size_t at = 0; (at = text.find("0x7", at)) != std::string::npos; ++at)
    text.erase(at + 2, text.find_first_not_of("0123456789abcdef", at + 2) - at - 2);
  return text;
}

// All of a report that is the job's, and not of its run.
Json essence(const Json& job) {
  Json out{{"enforced", job.at("enforced").is_null() ? Json() : without_ids(job.at("enforced"))}};
  for (const char* what : {"outcome", "stdout_bytes", "stdout_truncated", "denials", "limits", "skipped", "profile",
                           "profile_sha256", "image", "network"})
    if (job.contains(what)) out[what] = Json::parse(without_addresses(job.at(what).dump()));
  for (const char* what : {"stdout", "stderr"}) out[what] = without_addresses(job.at(what).get<std::string>());
  for (auto artifact : job.at("artifacts")) out["artifacts"].push_back({artifact.at("path"), artifact.at("sha256")});
  return out;
}

const char* const tell = R"(
import json, os, re, stat, sys
def fd(n):
  try: return re.sub(r'\d+', 'N', os.readlink('/proc/self/fd/' + n))
  except OSError: return None
status = dict(l.split(':', 1) for l in open('/proc/self/status').read().splitlines())
tree = {os.path.join(t, f): [stat.filemode((s := os.lstat(os.path.join(t, f))).st_mode), s.st_uid == os.getuid(), s.st_size]
        for t, _, files in os.walk('/work') for f in files}
given = sys.stdin.read()
try: os.write(0, b'x'); refused = None
except OSError as e: refused = e.errno
print(json.dumps({'argv': sys.argv, 'orig': sys.orig_argv, 'env': dict(os.environ), 'cwd': os.getcwd(), 'stdin': given,
  'write': refused, 'seals': __import__('fcntl').fcntl(0, 1034), 'stat': [oct(os.fstat(0).st_mode), os.fstat(0).st_size],
  'tree': tree, 'path': sys.path, 'flags': str(sys.flags), 'executable': sys.executable, 'modules': sorted(sys.modules),
  'fds': {n: t for n in sorted(os.listdir('/proc/self/fd')) if (t := fd(n))}, 'ids': [os.getpid(), os.getppid(), os.getsid(0)],
  'status': {k: status[k].strip() for k in ('SigBlk', 'SigIgn', 'SigCgt', 'Umask', 'FDSize', 'Threads', 'NoNewPrivs', 'Seccomp',
             'Seccomp_filters', 'CapEff', 'CapBnd', 'CapAmb', 'Groups')}, 'tmp': os.listdir('/tmp')}, indent=1))
)";

Json fed(Json job) {
  job["cwd"] = "data";
  job["stdin"] = "given\n";
  job["env"] = {{"GIVEN", "yes"}, {"EMPTY", ""}};
  job["files"].push_back({{"path", "data/run.sh"}, {"content", "#!/bin/sh\n"}, {"mode", "0755"}});
  job["files"].push_back({{"path", "data/key"}, {"content", "a2V5"}, {"encoding", "base64"}, {"mode", "0400"}});
  return job;
}

// Of every way to end, and of what a program can see of its start.
std::vector<Json> jobs() {
  auto collected = command("open('a', 'w').write('kept'); import os; os.symlink('a', 'b')");
  collected["collect"] = Json::array({"*"});
  auto fed_file = fed({{"argv", {"python3", "../tell.py", "one", "", "two words", "\xc3\xa4"}}});
  fed_file["files"].push_back({{"path", "tell.py"}, {"content", tell}});
  Json missing{{"argv", {"python3", "no_such.py"}}};
  Json module = program("import beside; print(beside.__file__, beside.x)");
  module["files"].push_back({{"path", "beside.py"}, {"content", "x = 5"}});
  auto language = Json{{"language", "python"}, {"code", "import sys; print(sys.argv, __file__)"}};
  return {command("pass"),
          command("print('out'); import sys; print('err', file=sys.stderr)"),
          command("import sys; sys.exit(7)"),
          command("import sys; sys.exit('why')"),
          command("import os; os._exit(3)"),
          command("1 / 0"),
          program("def f(): 1 / 0\nf()"),
          program("import sys; sys.exit(300)"),
          program("def"),
          program("raise SystemExit"),
          command("import os, signal; os.kill(os.getpid(), signal.SIGTERM)"),
          command("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
          command("import os; os.abort()"),
          command("import os, signal; os.kill(os.getpid(), signal.SIGINT)"),
          command("import ctypes; ctypes.string_at(1)"),
          program("import atexit; atexit.register(print, 'last'); print(input())", {{"stdin", "line\n"}}),
          command("import socket; socket.create_connection(('192.0.2.1', 80), 1)"),
          command("import os; os.chroot('/')"),
          command("import subprocess; print(subprocess.run(['python3', '-c', 'print(1)'], capture_output=True))"),
          command("import multiprocessing as m; print(m.get_context('fork').Pool(2).map(abs, [-1, -2]))"),
          command("for i in range(300000): print(i)"),
          fed(command(tell, {"one", "", "two words"})),
          fed_file,
          missing,
          module,
          language,
          collected};
}

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

// How much there is of what a process can try out.
const char* const measure = R"(
import errno, os, resource, signal
for n in sorted(dir(resource)):
  if n.startswith('RLIMIT_'): print(n, resource.getrlimit(getattr(resource, n)))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
children, fds = [], []
try:
  while len(children) < 1000:
    child = os.fork()
    if child == 0: signal.pause()
    children.append(child)
except OSError as e: print('pids', len(children), errno.errorcode[e.errno])
for child in children: os.kill(child, signal.SIGKILL); os.waitpid(child, 0)
try:
  while len(fds) < 5000: fds.append(os.open('/dev/null', os.O_RDONLY))
except OSError as e: print('open_files', len(fds), errno.errorcode[e.errno])
for fd in fds: os.close(fd)
def fill(name):
  fd, size = os.open(name, os.O_WRONLY | os.O_CREAT), 0
  try:
    while size < 1 << 30: size += os.write(fd, b'x' * 65536)
  except OSError as e: return size, errno.errorcode[e.errno]
  finally: os.close(fd)
size, why = fill('one')
print('file_bytes', size, why)
os.unlink('one')
total = made = 0
while why != 'ENOSPC':
  size, why = fill('f%d' % made)
  total, made = total + size, made + 1
print('scratch', total, made)
)";

Json with_limits(Json job, const Json& limits) {
  for (const auto& [name, value] : limits.items()) job["limits"][name] = value;
  return job;
}

double declined(const Instance& cordon) {
  return sample(cordon, R"(cordon_warm_declined_total{profile="default",prestart="python"})");
}

// Which is run warm, and not by an interpreter that waited.
void expect_plain(const Instance& cordon, Json job, const std::string& out) {
  INFO(job.dump());
  REQUIRE(await_waiting(cordon, 1, "python"));
  job["timings"] = true;
  const auto ended = cordon.run(job);
  INFO(ending_of(ended));
  CHECK(ended.at("prestart").is_null());
  CHECK(ended.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  CHECK(ended.at("stdout") == out);
}

void change_profile(const Instance& cordon, const std::function<void(Json&)>& change) {
  const auto path = cordon.directory() + "/profiles/default.json";
  auto profile = Json::parse(read_text(path), nullptr, true, true);
  change(profile);
  std::ofstream(path) << profile.dump();
  REQUIRE(call(cordon.operator_socket(), {.method = "POST", .target = "/v1/reload"}).status == 200);
}

}  // namespace

TEST_CASE("a job that a waiting python takes is reported as one for which python is started",
          "[threat:missing-filter]") {
  const Instance warm(with_prestarted()), cold;
  for (const auto& job : jobs()) {
    INFO(job.dump());
    const auto ours = essence(run_prestarted(warm, job)), theirs = essence(run_cold(cold, job));
    for (const auto& [what, value] : theirs.items()) {
      INFO(what);
      CHECK(ours.at(what) == value);
    }
    CHECK(theirs.at("enforced").size() > 60);
  }
  CHECK(declined(warm) == 0);
  CHECK(warm.logs().find("warm_sandbox_failed") == std::string::npos);
}

TEST_CASE(
    "a job that a waiting node takes is reported as one for which node is started, if its limits are those of the "
    "profile") {
  const Instance cold, warm(with_prestarted());
  for (const auto* cordon : {&warm, &cold})
    change_profile(*cordon, [](Json& profile) { profile["prestart"]["node"] = Json::object(); });
  auto rules = with_prestarted("node");
  rules["profile_dirs"] = Json::array({warm.directory() + "/profiles"});
  std::ofstream(warm.directory() + "/cordon.json") << rules.dump();
  REQUIRE(call(warm.operator_socket(), {.method = "POST", .target = "/v1/reload"}).status == 200);
  const auto job = [](const std::string& code) {
    return Json{
        {"argv", {"node", "main.js"}}, {"files", {{{"path", "main.js"}, {"content", code}}}}, {"stdin", "given\n"}};
  };
  for (const char* code :
       {"console.log(process.argv, process.env, require('fs').readFileSync(0, 'utf8'))", "process.exit(7)",
        "throw new Error('why')", "process.abort()", "process.kill(process.pid, 'SIGTERM')",
        "console.log(require('v8').getHeapStatistics().heap_size_limit, require('os').availableParallelism?.())",
        "setTimeout(() => console.error('later'), 20)", "("}) {
    INFO(code);
    CHECK(essence(run_prestarted(warm, job(code), "node")) == essence(run_cold(cold, job(code))));
  }
  const auto heap = with_limits(job("console.log(require('v8').getHeapStatistics().heap_size_limit)"),
                                {{"memory_bytes", 300 * mebi}});
  REQUIRE(await_waiting(warm, 1, "node"));
  auto timed = heap;
  timed["timings"] = true;
  const auto ended = warm.run(timed);
  CHECK(ended.at("prestart").is_null());
  CHECK(ended.at("stdout") == cold.run(heap).at("stdout"));
}

TEST_CASE("each job that a waiting python takes has its own, and finds nothing of the one before", "[threat:leaks]") {
  const Instance cordon(with_prestarted());
  const auto leaves = command(
      "import os, builtins, gc; print(hasattr(builtins, 'left'), [os.listdir(d) for d in ('/tmp', '/work', "
      "'/dev/shm')])\n"
      "builtins.left = 1\nfor d in ('/tmp', '/work', '/dev/shm'): open(d + '/left', 'w')");
  std::string before;
  for (int i = 0; i < 5; ++i) {
    // The next one stands beside it: the kernel gives out the number of a namespace that has gone once more.
    REQUIRE(await_waiting(cordon, warm_min, "python"));
    const auto job = run_prestarted(cordon, leaves);
    CHECK(job.at("stdout") == "False [[], [], []]\n");
    const auto own = job.at("enforced").at("namespace.pid").get<std::string>();
    CHECK(own != before);
    before = own;
  }
  const auto hash = command("print(hash('a word'))");
  CHECK(run_prestarted(cordon, hash).at("stdout") != run_prestarted(cordon, hash).at("stdout"));
}

TEST_CASE("the limits of a job that a waiting python takes are its own, lowered and raised", "[threat:bombs]") {
  const Instance warm(with_prestarted()), cold;
  for (const auto& limits : {lowered, raised}) {
    for (const auto& job : {command(measure), program(measure)}) {
      const auto ours = run_prestarted(warm, with_limits(job, limits)),
                 theirs = run_cold(cold, with_limits(job, limits));
      CHECK(essence(ours) == essence(theirs));
      CHECK(ours.at("stdout").get<std::string>().find("scratch") != std::string::npos);
      for (const auto& [name, value] : limits.items()) CHECK(ours.at("limits").at(name) == value);
    }
  }
}

TEST_CASE("memory, time and processors are limited in a waiting python as the job says", "[threat:bombs]") {
  const Instance cordon(with_prestarted());
  const auto kind = [&](Json job, const Json& limits) {
    return run_prestarted(cordon, with_limits(std::move(job), limits)).at("outcome").at("kind").get<std::string>();
  };
  const auto memory = [](std::size_t bytes) { return command("print(len(b'x' * " + std::to_string(bytes) + "))"); };
  CHECK(kind(memory(100 * mebi), {{"memory_bytes", 150 * mebi}, {"scratch_bytes", mebi}}) == "exited");
  CHECK(kind(memory(200 * mebi), {{"memory_bytes", 150 * mebi}, {"scratch_bytes", mebi}}) == "out_of_memory");
  CHECK(kind(memory(1000 * mebi), {{"memory_bytes", 900 * mebi}}) == "out_of_memory");
  const auto wall =
      run_prestarted(cordon, with_limits(command("import time; time.sleep(60)"), {{"wall_ms", 700 * slowness()}}));
  CHECK(wall.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "wall"}}));
  const auto spin = command("while True: pass");
  const auto cpu = run_prestarted(cordon, with_limits(spin, {{"cpu_ms", 300}}));
  CHECK(cpu.at("outcome") == Json({{"kind", "timed_out"}, {"limit", "cpu"}}));
  const auto nothing = run_prestarted(cordon, command("pass"));
  CHECK(nothing.at("usage").at("cpu_ms").get<double>() <
        9 * static_cast<double>(slowness()));  // its start counts in no job
}

TEST_CASE("what a waiting python would do otherwise than a fresh one is given to a sandbox without",
          "[threat:replay]") {
  const Instance cordon(with_prestarted());
  auto seeded = command("import sys; print(hash('a'), sys.flags.hash_randomization)");
  seeded["env"] = {{"PYTHONHASHSEED", "0"}};
  const Instance cold;
  expect_plain(cordon, seeded, cold.run(seeded).at("stdout").get<std::string>());
  expect_plain(cordon, {{"argv", {"python3", "-m", "calendar", "1969", "2"}}},
               cold.run({{"argv", {"python3", "-m", "calendar", "1969", "2"}}}).at("stdout").get<std::string>());
  expect_plain(cordon, {{"argv", {"python3", "-"}}, {"stdin", "print('from stdin')"}}, "from stdin\n");
  expect_plain(cordon, {{"argv", {"echo", "no python"}}}, "no python\n");
  const auto looks = command("print(open('/proc/self/cmdline').read().split(chr(0)))");
  expect_plain(cordon, looks, cold.run(looks).at("stdout").get<std::string>());
  auto large = program("print(len(open('large').read()))");
  large["files"].push_back({{"path", "large"}, {"content", std::string(mebi, 'x')}});
  expect_plain(cordon, large, std::to_string(mebi) + "\n");
  large = command("print(len(input()))");
  large["stdin"] = std::string(mebi, 'x');
  expect_plain(cordon, large, std::to_string(mebi) + "\n");
  const std::string too_long = "x/" + std::string(PATH_MAX, '/') + "y.py";
  for (auto mistaken :
       {Json{{"argv", {"python3", too_long}}}, Json{{"argv", {"python3", "-c", "1"}}, {"cwd", "nowhere"}}}) {
    REQUIRE(await_waiting(cordon, 1, "python"));
    const auto theirs = cold.run(mistaken);
    mistaken["timings"] = true;
    const auto ours = cordon.run(mistaken);
    CHECK(ours.at("prestart").is_null());
    CHECK(ours.at("outcome") == theirs.at("outcome"));
    CHECK(ours.at("stderr") == theirs.at("stderr"));
  }
  CHECK(declined(cordon) == 0);  // it was not asked
  CHECK(cordon.logs().find("warm_sandbox_failed") == std::string::npos);
}

TEST_CASE("a job that the waiting python itself declines runs all the same, once, and that is no failure") {
  const Instance cordon(with_prestarted());
  change_profile(cordon, [](Json& profile) { profile["prestart"]["python"]["imports"] = {"json", "xml.dom"}; });
  CHECK(run_prestarted(cordon, command("import sys; print('xml.dom' in sys.modules)")).at("stdout") == "True\n");
  auto job = program("import json; print(json.__file__, json.own)");
  job["files"].push_back({{"path", "json.py"}, {"content", "own = 1"}});
  for (int i = 1; i <= 2; ++i) {
    expect_plain(cordon, job, "/work/json.py 1\n");
    CHECK(declined(cordon) == i);
  }
  auto conflict = program("pass");
  conflict["files"].push_back({{"path", "main.py/a"}, {"content", ""}});
  CHECK(cordon.post(conflict).status == 400);
  CHECK(cordon.logs().find("warm_sandbox_failed") == std::string::npos);
}

TEST_CASE("a memory limit below what a waiting python has already is for a fresh one") {
  const Instance cordon(with_prestarted());
  auto job = command("print('small')");
  job["limits"] = {{"memory_bytes", 17 * mebi}, {"scratch_bytes", 65536}};
  REQUIRE(await_waiting(cordon, 1, "python"));
  job["timings"] = true;
  const auto ended = cordon.run(job), cold = Instance().run(job);
  CHECK(ended.at("outcome") == cold.at("outcome"));
  CHECK(ended.at("stdout") == cold.at("stdout"));
  CHECK(cordon.logs().find("warm_sandbox_failed") == std::string::npos);
}
