// What a prestarted interpreter decodes and decides without a C++ run-time.
#include <catch2/catch.hpp>

#include <random>

#include "sandbox/payload.hpp"
#include "sandbox/prestart/eligible.hpp"
#include "sandbox/prestart/limits.hpp"
#include "sandbox/prestart/payload_view.hpp"
#include "sandbox/prestart/prestart.hpp"

namespace cordon::prestart {
namespace {

bool same(const std::vector<std::string>& one, std::span<std::string_view> other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end());
}

// Both decoders agree: on whether, and on what.
void compare(std::string_view bytes) {
  const auto payload = decode_payload(bytes);
  PayloadView view;
  REQUIRE(decode(bytes, view) == payload.has_value());
  if (!payload) return;
  CHECK(same(payload->argv, view.argv.items()));
  CHECK(same(payload->env, view.env.items()));
  CHECK(payload->cwd == view.cwd);
  REQUIRE(payload->files.size() == view.files.items().size());
  for (std::size_t i = 0; i < payload->files.size(); ++i) {
    const auto &one = payload->files[i], other = PayloadFile{std::string(view.files.data()[i].path),
                                                             view.files.data()[i].mode, view.files.data()[i].content};
    CHECK((one.path == other.path && one.mode == other.mode && one.content == other.content));
  }
}

Payload a_payload() {
  return {{"python3", "-c", "pass", ""}, {"A=b", "E="}, "data", {{"data/in", 0640, "a,b\n"}, {"e", 0600, ""}}};
}

TEST_CASE("a prestarted interpreter reads a payload as cordon-init does, or refuses it as cordon-init does") {
  compare(encode(a_payload()));
  for (const char* path : {"", ".", "..", "/a", "a/", "a//b", "a/../b", "./a", "a\0b", "ok/ok"}) {
    auto payload = a_payload();
    payload.files[0].path = path;
    compare(encode(payload));
    payload = a_payload();
    payload.cwd = path;
    compare(encode(payload));
  }
  for (const char* variable : {"", "=", "=a", "A", "A=", "A=b=c"}) {
    auto payload = a_payload();
    payload.env[0] = variable;
    compare(encode(payload));
  }
  auto payload = a_payload();
  payload.files[0].path = std::string(256, 'x');
  compare(encode(payload));
  payload.files[0].path = std::string(255, 'x');
  compare(encode(payload));
  payload = a_payload();
  payload.files[0].mode = 01644;
  compare(encode(payload));
  payload = a_payload();
  payload.argv[1] = std::string("a\0b", 3);
  compare(encode(payload));
  payload = a_payload();
  payload.argv[0].clear();
  compare(encode(payload));
  payload.argv.clear();
  compare(encode(payload));
}

TEST_CASE("both decoders of a payload agree on what is cut short, too long or changed anywhere") {
  const auto good = encode(a_payload());
  for (std::size_t size = 0; size <= good.size(); ++size) compare(good.substr(0, size));
  compare(good + '\0');
  std::mt19937 random(1);  // NOLINT(cert-msc*): the same mutations each time
  for (int i = 0; i < 20000; ++i) {
    auto bytes = good;
    for (auto changes = 1 + random() % 3; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 4 == 0 ? random() : random() % 4);
    compare(bytes);
  }
}

using Views = std::vector<std::string_view>;

const Views usual_env{"PATH=/bin", "HOME=/work"};

struct Case {
  Views argv{"python3", "main.py"};
  Views env{"PATH=/bin", "HOME=/work"};
  Views files = {}, contents = {};
  std::string_view cwd = ".";
  bool has_imports = false;
  Language language = Language::python;
  Views started_env = usual_env;
};

bool may_take(const Case& c) {
  const Views started_argv = c.language == Language::python ? Views{"python3"} : Views{"node", "main.js"};
  return why_not({c.language, started_argv, c.started_env, c.has_imports},
                 {c.argv, c.env, c.cwd, c.files, c.contents}) == nullptr;
}

TEST_CASE("only python3 -c CODE and python3 FILE may have a prestarted python") {
  for (const auto& argv : std::vector<Views>{{"python3", "-c", "pass"},
                                             {"python3", "-c", "pass", "-x", "--"},
                                             {"python3", "main.py"},
                                             {"python3", "a/b", "-c"}})
    CHECK(may_take({argv}));
  for (const auto& argv : std::vector<Views>{{"python3"},
                                             {"python3", "-c"},
                                             {"python3", "-"},
                                             {"python3", ""},
                                             {"python3", "-ccode"},
                                             {"python3", "-m", "x"},
                                             {"python3", "-B", "-c", "x"},
                                             {"python3", "--", "x"},
                                             {"python", "-c", "x"},
                                             {"/usr/bin/python3", "x"},
                                             {"bash", "-c", "x"},
                                             {}})
    CHECK_FALSE(may_take({argv}));
}

TEST_CASE("a variable that is read while an interpreter starts has to be what it was started with") {
  Case job;
  job.env = {"PATH=/bin", "HOME=/work", "TOKEN=x", "MYPYTHON=1"};
  CHECK(may_take(job));
  job.env = {"HOME=/work", "PATH=/bin"};
  CHECK(may_take(job));
  for (const auto& env :
       std::vector<Views>{{"PATH=/bin"}, {"PATH=/bin", "HOME=/"}, {"PATH=/usr/bin", "PATH=/bin", "HOME=/work"}, {}}) {
    job.env = env;
    CHECK_FALSE(may_take(job));
  }
  for (const auto name : detail::read_at_start) {
    auto variable = std::string(name) + "=1";
    if (name.back() == '*') variable.replace(name.size() - 1, 1, "X");
    INFO(variable);
    job.env = {variable, "PATH=/bin", "HOME=/work"};
    CHECK_FALSE(may_take(job));
  }
}

TEST_CASE("with imports every variable has to be what an interpreter was started with") {
  Case job;
  job.has_imports = true;
  CHECK(may_take(job));
  job.env.push_back("TOKEN=x");
  CHECK_FALSE(may_take(job));
  job.env = {"PATH=/bin"};
  CHECK_FALSE(may_take(job));
}

TEST_CASE("files that python reads while it starts have to be there at its start") {
  Case job;
  job.files = {"main.py", "local/x", "a.local", ".locals/x"};
  CHECK(may_take(job));
  for (const char* path : {".local/lib/python3.11/site-packages/x.pth", "a/.local/x", ".local"}) {
    job.files = {"main.py", path};
    CHECK_FALSE(may_take(job));
  }
}

TEST_CASE("a variable by which the job's own files are read at the start keeps a job from a prestarted interpreter") {
  const auto takes = [](Language language, const char* variable) {
    Case job;
    job.language = language;
    if (language == Language::node) job.argv = {"node", "main.js"};
    job.env = job.started_env = {"HOME=/work", variable};
    return may_take(job);
  };
  for (const auto language : {Language::python, Language::node}) {
    for (const char* variable :
         {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TZ=Europe/Berlin", "PYTHONPATH=/opt/lib", "NODE_PATH=/opt/node",
          "NODE_OPTIONS=--max-old-space-size=64", "OPENSSL_CONF=/etc/ssl/openssl.cnf", "TMPDIR=/tmp", "TOKEN=a:b"})
      CHECK(takes(language, variable));
    for (const char* variable :
         {"PATH=/bin:/work/bin", "PATH=/bin:", "PATH=bin", "PYTHONPATH=/work", "PYTHONPATH=/opt/lib:lib",
          "PYTHONPATH=.", "PYTHONUSERBASE=/tmp/base", "PYTHONUSERBASE=base", "LD_LIBRARY_PATH=:/lib",
          "LD_LIBRARY_PATH=/dev/shm", "NODE_PATH=modules", "NODE_EXTRA_CA_CERTS=/work/ca.pem",
          "NODE_EXTRA_CA_CERTS=ca.pem", "OPENSSL_CONF=ssl.cnf", "NODE_OPTIONS=--require ./a.js", "NODE_OPTIONS=-r a",
          "TZ=:/work/zone"}) {
      INFO(variable);
      CHECK_FALSE(takes(language, variable));
    }
  }
}

TEST_CASE(
    "a directory that a job's files do not make, and a path that is too long, are a fresh interpreter's to refuse") {
  Case job;
  job.files = {"main.py", "data/deep/x", "data2"};
  for (const char* there : {".", "data", "data/deep"}) {
    job.cwd = there;
    CHECK(may_take(job));
  }
  for (const char* missing : {"nowhere", "main.py", "dat", "data/deep/x", "data2"}) {
    job.cwd = missing;
    CHECK_FALSE(may_take(job));
  }
  const std::string longest(PATH_MAX - 1, 'x'), longer = longest + "x";
  CHECK(may_take({{"python3", longest}}));
  CHECK_FALSE(may_take({{"python3", longer}}));
  CHECK(may_take({{"python3", "-c", longer}}));
}

TEST_CASE("with imports, an archive that a module could be in is for a fresh python") {
  const std::string archive("#!/usr/bin/env python3\nPK\5\6\0\0", 29);
  Case job;
  job.files = {"app"};
  job.contents = {archive};
  CHECK(may_take(job));
  job.has_imports = true;
  CHECK_FALSE(may_take(job));
  job.contents = {"PK\3\4 and no end"};
  CHECK(may_take(job));
}

TEST_CASE("a job whose strings would not fit over those of the start is not for a prestarted interpreter") {
  const std::string code(argument_room_bytes - sizeof "python3" - sizeof "-c" - 1, 'x'), longer = code + "x";
  CHECK(may_take({{"python3", "-c", code}}));
  CHECK_FALSE(may_take({{"python3", "-c", longer}}));
  const std::string variable = "A=" + std::string(environment_room_bytes, 'x');
  CHECK_FALSE(may_take({{"python3", "main.py"}, {"PATH=/bin", "HOME=/work", variable}}));
}

TEST_CASE("a program that names what the kernel shows of its start is not for a prestarted interpreter") {
  for (const char* code : {"open('/proc/self/cmdline')", "open('/proc/1/environ')", "import psutil"}) {
    CHECK_FALSE(may_take({{"python3", "-c", code}}));
    Case job;
    job.files = {"a", "main.py"};
    job.contents = {"", code};
    CHECK_FALSE(may_take(job));
  }
  CHECK(may_take({{"python3", "-c", "import os; os.environ['environ']"}}));
}

TEST_CASE("a prestarted node takes its own command line in its own directory and no other") {
  Case job;
  job.language = Language::node;
  for (const auto& argv : std::vector<Views>{{"node", "main.js", "x"}, {"node", "other.js"}, {"node"}, {}}) {
    job.argv = argv;
    CHECK_FALSE(may_take(job));
  }
  job.argv = {"node", "main.js"};
  CHECK(may_take(job));
  job.cwd = "data";
  CHECK_FALSE(may_take(job));
}

TEST_CASE("node is given a job only with the limits that it was started with, python with any") {
  const Limits started{1000, 1000, 1000, 64 << 20, 16, 1 << 20, 16 << 20, 100, 1 << 20, 64};
  for (const auto member : {&Limits::memory_bytes, &Limits::cpus_milli}) {
    auto other = started;
    other.*member += 1;
    CHECK(why_not(Language::node, started, other) != nullptr);
    CHECK(why_not(Language::python, started, other) == nullptr);
  }
  auto same = started;
  same.pids += 1;
  CHECK(why_not(Language::node, started, same) == nullptr);
}

TEST_CASE("limits that an interpreter meets while it starts are for a fresh one") {
  const auto takes = [](Language language, std::uint64_t pids, std::uint64_t open_files) {
    Limits limits{};
    limits.pids = pids, limits.open_files = open_files;
    return why_not(language, limits, limits) == nullptr;
  };
  CHECK(takes(Language::node, 16, 64));
  CHECK_FALSE(takes(Language::node, 15, 64));
  CHECK_FALSE(takes(Language::node, 16, 63));
  CHECK(takes(Language::python, 1, 16));
  CHECK_FALSE(takes(Language::python, 1, 15));
}

TEST_CASE("an answer of a prestarted interpreter is decoded whole or not at all") {
  CHECK(std::holds_alternative<Ready>(decode_answer("R").value()));
  CHECK(std::holds_alternative<Prepared>(decode_answer("P").value()));
  const std::string declined("D\3\0\0\0why", 8), failed("F\1\0\0\0s\2\0\0\0ob\5\0\0\0", 16);
  CHECK(std::get<Declined>(decode_answer(declined).value()).reason == "why");
  const auto failure = std::get<Failed>(decode_answer(failed).value());
  CHECK((failure.step == "s" && failure.object == "ob" && failure.error == 5));
  for (const auto& good : {std::string("R"), declined, failed}) {
    for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(decode_answer(good.substr(0, size)));
    CHECK_FALSE(decode_answer(good + '\0'));
  }
  CHECK_FALSE(decode_answer("X"));
}

}  // namespace
}  // namespace cordon::prestart
