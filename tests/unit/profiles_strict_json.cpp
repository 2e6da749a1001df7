#include <catch2/catch.hpp>

#include "profiles/strict_json.hpp"

using namespace cordon;

namespace {

// Where the one error stands; "accepted" when there is none.
std::string fault_at(std::string_view text) {
  const auto json = parse_strict_json(text);
  if (json) return "accepted";
  REQUIRE(json.error().size() == 1);
  CHECK_FALSE(json.error()[0].detail.empty());
  return json.error()[0].pointer;
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

}  // namespace

TEST_CASE("a duplicate key is refused where it stands", "[threat:hostile-json]") {
  CHECK(fault_at(R"({"a": {"b": [1, 2, {"c": 1, "c": 2}]}})") == "/a/b/2/c");
  CHECK(fault_at(R"({"a/b": {"~": 1, "~": 1}})") == "/a~1b/~0");
  CHECK(fault_at(R"({"a": 1, "\u0061": 2})") == "/a");
}

TEST_CASE("32 levels are the deepest that JSON may nest", "[threat:hostile-json]") {
  CHECK(fault_at(nested(32)) == "accepted");
  CHECK(fault_at(nested(33)) != "accepted");
  CHECK(fault_at(std::string(1'000'000, '[')) != "accepted");
}

TEST_CASE("integers beyond 2^53 - 1 are refused, and not read as something near them") {
  CHECK(fault_at("[9007199254740991, -9007199254740991]") == "accepted");
  CHECK(fault_at("[9007199254740992]") == "/0");
  CHECK(fault_at("[9007199254740993]") == "/0");
  CHECK(fault_at("[-9007199254740992]") == "/0");
  CHECK(fault_at("[9223372036854775808]") == "/0");
  CHECK(fault_at("[18446744073709551616]") == "/0");
  CHECK(fault_at("[-18446744073709551616]") == "/0");
}

TEST_CASE("seccomp files may have 64-bit integers, but no larger ones") {
  const auto parse = [](std::string_view text) {
    return parse_strict_json(text, Comments::refuse, Integers::full_64_bit);
  };
  CHECK(parse("[18446744073709551615]"));
  CHECK_FALSE(parse("[18446744073709551616]"));
}

TEST_CASE("a number that no double holds is refused") {
  CHECK(fault_at("[1e308]") == "accepted");
  CHECK(fault_at("[1e999]") == "/0");
  CHECK(fault_at("[NaN]") == "/0");
}

TEST_CASE("text that is not UTF-8 is refused", "[threat:hostile-json]") {
  CHECK(fault_at("[\"\xc3\xa4\"]") == "accepted");
  CHECK(fault_at("[\"\xff\"]") == "/0");
  CHECK(fault_at("[\"\xc0\x80\"]") == "/0");      // an overlong NUL
  CHECK(fault_at("[\"\xed\xa0\x80\"]") == "/0");  // a surrogate
  CHECK(fault_at(R"(["\ud800"])") == "/0");       // half a pair
}

TEST_CASE("an error text never carries bytes of the input that are not UTF-8") {
  const auto json = parse_strict_json("{\"a\": \"\xff\xfe\"}");
  REQUIRE_FALSE(json);
  CHECK_NOTHROW(Json(json.error()[0].detail).dump());
}

TEST_CASE("NUL is refused in strings, in keys and between tokens", "[threat:hostile-json]") {
  CHECK(fault_at(R"({"a": ["x\u0000"]})") == "/a/0");
  CHECK(fault_at(R"({"a\u0000": 1})") != "accepted");
  CHECK(fault_at(std::string_view("{}\0garbage", 10)).empty());
}

TEST_CASE("one value is taken, and nothing before or behind it") {
  CHECK(fault_at(" {} ") == "accepted");
  CHECK(fault_at("{} {}") != "accepted");
  CHECK(fault_at("{},") != "accepted");
  CHECK(fault_at("") != "accepted");
  CHECK(fault_at("\xEF\xBB\xBF{}") != "accepted");
}

TEST_CASE("comments are for files that people write") {
  constexpr auto text = "{ // why\n \"a\": 1 /* so */ }";
  CHECK(fault_at(text) != "accepted");
  CHECK(parse_strict_json(text, Comments::accept) == Json{{"a", 1}});
}

TEST_CASE("a syntax error names line and column") {
  const auto json = parse_strict_json("{\n  \"a\": [1, }");
  REQUIRE_FALSE(json);
  CHECK(json.error()[0].pointer == "/a/1");
  CHECK(json.error()[0].detail.find("line 2, column 12") != std::string::npos);
}

TEST_CASE("an object may have many keys, and their order stays") {
  std::string text = "{";
  for (int i = 0; i < 65'000; ++i) text += "\"" + std::to_string(i) + "\":0,";
  text.back() = '}';
  const auto json = parse_strict_json(text);  // minutes, were the insertion linear
  REQUIRE(json);
  CHECK(json->size() == 65'000);
  CHECK(json->begin().key() == "0");
}

TEST_CASE("more than 65,536 values are refused, however small they are and however they stand") {
  const auto array = [](int values) {
    std::string text = "[";
    for (int i = 0; i < values; ++i) text += "1,";
    text.back() = ']';
    return text;
  };
  CHECK(parse_strict_json(array(65'535)));  // the array itself is one
  const auto refused = parse_strict_json(array(65'536));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().front().detail == "more than 65536 values");
  std::string empty = "[";
  for (int i = 0; i < 65'536; ++i) empty += "{},";
  empty.back() = ']';
  CHECK_FALSE(parse_strict_json(empty));
}
