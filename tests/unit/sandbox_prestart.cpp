// What a prestarted interpreter decodes and decides without a C++ run-time.
#include <catch2/catch.hpp>

#include <random>

#include "sandbox/payload.hpp"
#include "sandbox/prestart/eligible.hpp"
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

std::string decide(std::vector<std::string_view> argv, std::vector<std::string_view> env = {"PATH=/bin", "HOME=/work"},
                   std::vector<std::string_view> files = {}, bool has_imports = false,
                   Language language = Language::python) {
  const std::vector<std::string_view> started_argv = language == Language::python
                                                         ? std::vector<std::string_view>{"python3"}
                                                         : std::vector<std::string_view>{"node", "main.js"};
  const std::vector<std::string_view> started_env{"PATH=/bin", "HOME=/work"};
  const auto* const reason = why_not({language, started_argv, started_env, has_imports}, {argv, env, files});
  return reason == nullptr ? "" : reason;
}

TEST_CASE("only python3 -c CODE and python3 FILE may have a prestarted python") {
  CHECK(decide({"python3", "-c", "pass"}).empty());
  CHECK(decide({"python3", "-c", "pass", "-x", "--"}).empty());
  CHECK(decide({"python3", "main.py"}).empty());
  CHECK(decide({"python3", "a/b", "-c"}).empty());
  for (const auto& argv : std::vector<std::vector<std::string_view>>{{"python3"},
                                                                     {"python3", "-c"},
                                                                     {"python3", "-"},
                                                                     {"python3", ""},
                                                                     {"python3", "-ccode"},
                                                                     {"python3", "-m", "x"},
                                                                     {"python3", "-B", "-c", "x"},
                                                                     {"python3", "--", "x"},
                                                                     {"python", "-c", "x"},
                                                                     {"/usr/bin/python3", "x"},
                                                                     {"bash", "-c", "x"}})
    CHECK_FALSE(decide(argv).empty());
}

TEST_CASE("a variable that is read while an interpreter starts has to be what it was started with") {
  const std::vector<std::string_view> argv{"python3", "-c", "pass"};
  CHECK(decide(argv, {"PATH=/bin", "HOME=/work", "TOKEN=x", "MYPYTHON=1"}).empty());
  CHECK(decide(argv, {"HOME=/work", "PATH=/bin"}).empty());
  CHECK_FALSE(decide(argv, {"PATH=/bin"}).empty());
  CHECK_FALSE(decide(argv, {"PATH=/bin", "HOME=/"}).empty());
  CHECK_FALSE(decide(argv, {"PATH=/usr/bin", "PATH=/bin", "HOME=/work"}).empty());
  for (const auto name : detail::read_at_start) {
    auto variable = std::string(name) + "=1";
    if (name.back() == '*') variable.replace(name.size() - 1, 1, "X");
    INFO(variable);
    CHECK_FALSE(decide(argv, {variable, "PATH=/bin", "HOME=/work"}).empty());
  }
}

TEST_CASE("with imports every variable has to be what an interpreter was started with") {
  const std::vector<std::string_view> argv{"python3", "-c", "pass"};
  CHECK(decide(argv, {"PATH=/bin", "HOME=/work"}, {}, true).empty());
  CHECK_FALSE(decide(argv, {"PATH=/bin", "HOME=/work", "TOKEN=x"}, {}, true).empty());
  CHECK_FALSE(decide(argv, {"PATH=/bin"}, {}, true).empty());
}

TEST_CASE("files that python reads while it starts have to be there at its start") {
  const std::vector<std::string_view> argv{"python3", "main.py"}, env{"PATH=/bin", "HOME=/work"};
  CHECK(decide(argv, env, {"main.py", "local/x", "a.local", ".locals/x"}).empty());
  CHECK_FALSE(decide(argv, env, {".local/lib/python3.11/site-packages/x.pth"}).empty());
  CHECK_FALSE(decide(argv, env, {"a/.local/x"}).empty());
  CHECK_FALSE(decide(argv, env, {"main.py", ".local"}).empty());
}

TEST_CASE("a prestarted node takes its own command line and no other") {
  const std::vector<std::string_view> env{"PATH=/bin", "HOME=/work"};
  CHECK(decide({"node", "main.js"}, env, {}, false, Language::node).empty());
  CHECK_FALSE(decide({"node", "main.js", "x"}, env, {}, false, Language::node).empty());
  CHECK_FALSE(decide({"node", "other.js"}, env, {}, false, Language::node).empty());
  CHECK_FALSE(decide({"node"}, env, {}, false, Language::node).empty());
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
