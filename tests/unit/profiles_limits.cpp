#include <catch2/catch.hpp>

#include "profiles/limits_json.hpp"

using namespace cordon;

namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

const Limits ceiling{600'000, 600'000, 2000, 2048 * mib, 512, 16 * mib, 1024 * mib, 262'144, 1024 * mib, 4096};
const Limits defaults{10'000, 10'000, 1000, 512 * mib, 64, mib, 64 * mib, 16'384, 64 * mib, 256};

auto apply(std::string_view text) {
  return apply_limits(parse_strict_json(text).value(), "/limits", ceiling, defaults);
}

Limits applied(std::string_view text) {
  const auto limits = apply(text);
  REQUIRE(limits);
  return *limits;
}

// The pointer of the one thing that is wrong.
std::string fault_at(std::string_view text) {
  const auto limits = apply(text);
  if (limits) return "accepted";
  REQUIRE(limits.error().size() == 1);
  return limits.error()[0].pointer;
}

std::string one(std::string_view name, std::string_view value) {
  return "{\"" + std::string(name) + "\": " + std::string(value) + "}";
}

}  // namespace

TEST_CASE("who asks for no limits gets the defaults") {
  CHECK(applied("{}") == defaults);
}

TEST_CASE("every limit can be lowered to its minimum and not below") {
  for (const auto& field : limit_fields) {
    CAPTURE(field.name);
    if (field.name == "cpus") continue;
    CHECK(applied(one(field.name, std::to_string(field.min))).*field.member == field.min);
    CHECK(fault_at(one(field.name, std::to_string(field.min - 1))) == "/limits/" + std::string(field.name));
  }
}

TEST_CASE("every limit can be raised to the ceiling and not above") {
  for (const auto& field : limit_fields) {
    CAPTURE(field.name);
    if (field.name == "cpus" || field.name == "scratch_bytes") continue;
    const auto most = ceiling.*field.member;
    CHECK(applied(one(field.name, std::to_string(most))).*field.member == most);
    CHECK(fault_at(one(field.name, std::to_string(most + 1))) == "/limits/" + std::string(field.name));
  }
}

TEST_CASE("no limit takes 0, -1, 2^31, a huge number, a fraction or a string for something else",
          "[threat:limit-wrap]") {
  for (const auto& field : limit_fields) {
    const auto pointer = "/limits/" + std::string(field.name);
    CAPTURE(field.name);
    for (const auto* value :
         {"0", "-1", "9007199254740991", "1e308", "-1e308", "1.0001", "\"1\"", "null", "true", "[]"}) {
      CAPTURE(value);
      CHECK(fault_at(one(field.name, value)) == pointer);
    }
  }
  CHECK(fault_at(one("pids", "2147483648")) == "/limits/pids");
  CHECK(fault_at(one("wall_ms", "1.0")) == "/limits/wall_ms");
}

TEST_CASE("2^53 + 1 and 2^63 do not get as far as a limit", "[threat:limit-wrap]") {
  CHECK_FALSE(parse_strict_json(one("memory_bytes", "9007199254740993")));
  CHECK_FALSE(parse_strict_json(one("memory_bytes", "9223372036854775808")));
}

TEST_CASE("cpus is a decimal of at most three places") {
  CHECK(applied(one("cpus", "2")).cpus_milli == 2000);
  CHECK(applied(one("cpus", "0.001")).cpus_milli == 1);
  CHECK(applied(one("cpus", "0.29")).cpus_milli == 290);
  CHECK(applied(one("cpus", "1.999")).cpus_milli == 1999);
  CHECK(fault_at(one("cpus", "0.0015")) == "/limits/cpus");
  CHECK(fault_at(one("cpus", "0.0001")) == "/limits/cpus");
  CHECK(fault_at(one("cpus", "2.001")) == "/limits/cpus");
}

TEST_CASE("a name that is no limit is refused") {
  CHECK(fault_at(one("memory", "1")) == "/limits/memory");
  CHECK(fault_at("[]") == "/limits");
}

TEST_CASE("all faults of one request are reported together") {
  const auto limits = apply(R"({"pids": 0, "wall_ms": -1, "cpu": 3})");
  REQUIRE_FALSE(limits);
  CHECK(limits.error().size() == 3);
}

TEST_CASE("a million unknown keys make no million errors") {
  std::string text = "{";
  for (int i = 0; i < 10'000; ++i) text += "\"" + std::to_string(i) + "\":0,";
  text.back() = '}';
  const auto limits = apply(text);
  REQUIRE_FALSE(limits);
  CHECK(limits.error().size() <= 16);
}

TEST_CASE("scratch that was asked for must fit into memory") {
  CHECK(fault_at(R"({"memory_bytes": 67108864, "scratch_bytes": 50331648})") == "accepted");
  CHECK(fault_at(R"({"memory_bytes": 67108864, "scratch_bytes": 50331649})") == "/limits/scratch_bytes");
  CHECK(fault_at(R"({"scratch_bytes": 1073741824})") == "/limits/scratch_bytes");
}

TEST_CASE("scratch follows lowered memory down when nobody asked for it") {
  CHECK(applied(one("memory_bytes", "33554432")).scratch_bytes == 16 * mib);
  CHECK(applied(one("memory_bytes", "20000000")).scratch_bytes == 3'219'456);  // whole pages
  CHECK(applied(one("memory_bytes", "16777216")).scratch_bytes == page_bytes);
  CHECK(applied(one("memory_bytes", "1073741824")).scratch_bytes == defaults.scratch_bytes);
}

TEST_CASE("limits are written with the names they are read with") {
  auto json = to_json(defaults);
  CHECK(json.size() == limit_fields.size());
  CHECK(json["cpus"].dump() == "1.0");
  CHECK(apply_limits(json, "", ceiling, ceiling) == defaults);
  json.erase("pids");
  const auto missing = parse_all_limits(json, "/limits");
  REQUIRE_FALSE(missing);
  CHECK(missing.error() == FieldErrors{{"/limits/pids", "is missing"}});
}
