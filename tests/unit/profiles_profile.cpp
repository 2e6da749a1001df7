#include "profiles/profile.hpp"

#include <catch2/catch.hpp>

#include "profiles/strict_json.hpp"

using namespace cordon;

namespace {

constexpr auto seccomp_text = R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []})";

std::optional<std::string> read_beside(std::string_view name) {
  if (name == "x.seccomp.json") return seccomp_text;
  if (name == "broken.json") return R"({"defaultAction": "SCMP_ACT_MAYBE"})";
  return std::nullopt;
}

Json minimal() {
  return Json::parse(R"({
    "why": "for tests", "seccomp": "x.seccomp.json",
    "limits": {"wall_ms": 1000, "cpu_ms": 1000, "cpus": 1, "memory_bytes": 67108864, "pids": 10, "output_bytes": 1000,
               "scratch_bytes": 1048576, "scratch_inodes": 100, "file_bytes": 1000, "open_files": 20},
    "collect": {"files": 1, "bytes": 1}})");
}

auto parse(const Json& json) {
  return parse_profile("x", json.dump(), read_beside);
}

// The pointer of the first fault after `key` was set.
std::string fault_with(const Json::json_pointer& key, const Json& value) {
  auto json = minimal();
  json[key] = value;
  const auto profile = parse(json);
  return profile ? "accepted" : profile.error().at(0).pointer;
}

const Json::json_pointer root;

}  // namespace

TEST_CASE("a profile without defaults gives its ceiling to who asks for nothing") {
  const auto profile = parse(minimal());
  REQUIRE(profile);
  CHECK(profile->name == "x");
  CHECK(profile->why == "for tests");
  CHECK(profile->ceiling.pids == 10);
  CHECK(profile->defaults == profile->ceiling);
}

TEST_CASE("defaults of a profile stay below its ceiling") {
  CHECK(fault_with(root / "defaults", {{"pids", 10}}) == "accepted");
  CHECK(fault_with(root / "defaults", {{"pids", 11}}) == "/defaults/pids");
  CHECK(fault_with(root / "defaults", {{"pidz", 1}}) == "/defaults/pidz");
}

TEST_CASE("each key of a profile that must be there is missed") {
  for (const auto* key : {"why", "seccomp", "limits", "collect"}) {
    auto json = minimal();
    json.erase(key);
    const auto profile = parse(json);
    REQUIRE_FALSE(profile);
    CHECK(profile.error()[0].pointer == "/" + std::string(key));
  }
}

TEST_CASE("a fault in a profile is named by its pointer") {
  CHECK(fault_with(root / "landlok", 1) == "/landlok");
  CHECK(fault_with(root / "why", "") == "/why");
  CHECK(fault_with(root / "limits" / "pids", 0) == "/limits/pids");
  CHECK(fault_with(root / "limits" / "scratch_bytes", 60 << 20) == "/limits/scratch_bytes");
  CHECK(fault_with(root / "collect" / "files", -1) == "/collect/files");
  CHECK(fault_with(root / "proc", "masked") == "/proc");
  CHECK(fault_with(root / "env", {{"A=B", "c"}}) == "/env/A=B");
  CHECK(fault_with(root / "env", {{"A", 1}}) == "/env/A");
  const Json language{{"file", "a.py"}, {"argv", {"python3"}}, {"needs", "/usr/bin/python3"}};
  CHECK(fault_with(root / "languages", {{"py", language}}) == "accepted");
  auto outside = language;
  outside["file"] = "../a.py";
  CHECK(fault_with(root / "languages", {{"py", outside}}) == "/languages/py/file");
  auto silent = language;
  silent["argv"] = Json::array();
  CHECK(fault_with(root / "languages", {{"py", silent}}) == "/languages/py/argv");
}

TEST_CASE("a profile names the interpreters that may be started ahead, and what python then has imported") {
  auto json = minimal();
  CHECK(parse(json)->prestart.empty());
  const auto without = parse(json)->digest;
  json["prestart"] = Json::parse(R"({"python": {"imports": ["json", "xml.dom"]}, "node": {}})");
  const auto profile = parse(json);
  REQUIRE(profile);
  CHECK(profile->prestart == Prestarts{{"python", {{"json", "xml.dom"}}}, {"node", {}}});
  CHECK(profile->digest != without);
  const auto at = [](const char* value) { return fault_with(root / "prestart", Json::parse(value)); };
  CHECK(at(R"([])") == "/prestart");
  CHECK(at(R"({"ruby": {}})") == "/prestart/ruby");
  CHECK(at(R"({"python": []})") == "/prestart/python");
  CHECK(at(R"({"node": {"imports": []}})") == "/prestart/node/imports");
  for (const char* name : {"", ".x", "a,b", "a b", "a-b", "../a"})
    CHECK(fault_with(root / "prestart", {{"python", {{"imports", {name}}}}}) == "/prestart/python/imports");
}

TEST_CASE("a profile's seccomp file stands beside it") {
  CHECK(fault_with(root / "seccomp", "none.json") == "/seccomp");
  CHECK(fault_with(root / "seccomp", "../x.seccomp.json") == "/seccomp");
  CHECK(fault_with(root / "seccomp", "..") == "/seccomp");
  CHECK(fault_with(root / "seccomp", "broken.json") == "/defaultAction");
}

TEST_CASE("a profile's digest covers the bytes of both its files") {
  const auto text = minimal().dump();
  const auto with = [&](std::string_view profile, std::string seccomp) {
    return parse_profile("x", profile, [&](std::string_view) { return std::optional(seccomp); }).value().digest;
  };
  const auto digest = with(text, seccomp_text);
  CHECK(with(text, seccomp_text) == digest);
  CHECK(with(text + " ", seccomp_text) != digest);
  CHECK(with(text, std::string(seccomp_text) + " ") != digest);
  // u64 length, profile, u64 length, seccomp file.
  const auto length = [](std::size_t n) {
    std::string out(8, '\0');
    out[0] = static_cast<char>(n & 255), out[1] = static_cast<char>(n >> 8);
    return out;
  };
  CHECK(sha256(length(text.size()) + text + length(std::string_view(seccomp_text).size()) + seccomp_text) == digest);
}

TEST_CASE("a profile's name is a plain word") {
  for (const auto* name : {"", ".", "a/b", "A", "-x", "a b"}) {
    CHECK_FALSE(parse_profile(name, minimal().dump(), read_beside));
  }
}

TEST_CASE("hex writes SHA-256 as everyone does") {
  CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
