// RFC 8785, with its own vectors (section 3.2.2, 3.2.3 and appendix B).
#include <catch2/catch.hpp>
#include <cstring>
#include <limits>

#include "profiles/canonical_json.hpp"

using namespace cordon;

namespace {

std::string canonical(const char* text) {
  const auto value = parse_strict_json(text, Comments::refuse, Integers::full_64_bit);
  REQUIRE(value);
  const auto out = canonical_form(*value);
  REQUIRE(out);
  return *out;
}

std::string number(std::uint64_t ieee) {
  double value = 0;
  std::memcpy(&value, &ieee, sizeof value);
  return canonical_form(Json(value)).value();
}

}  // namespace

TEST_CASE("the example of RFC 8785, 3.2.2 and 3.2.3, has the bytes that the RFC gives") {
  const auto* const text = R"({
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  })";
  CHECK(canonical(text) ==
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
        "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST_CASE("members are sorted by UTF-16 code units, as in the example of RFC 8785, 3.2.3") {
  const auto* const text =
      R"({"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"})";
  CHECK(
      canonical(text) ==
      "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\","
      "\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}");
}

TEST_CASE("numbers are written as in RFC 8785, appendix B") {
  struct Row {
    std::uint64_t ieee;
    const char* text;
  };
  const auto row =
      GENERATE(Row{0x0000000000000000, "0"}, Row{0x8000000000000000, "0"}, Row{0x0000000000000001, "5e-324"},
               Row{0x8000000000000001, "-5e-324"}, Row{0x7fefffffffffffff, "1.7976931348623157e+308"},
               Row{0xffefffffffffffff, "-1.7976931348623157e+308"}, Row{0x4340000000000000, "9007199254740992"},
               Row{0xc340000000000000, "-9007199254740992"}, Row{0x4430000000000000, "295147905179352830000"},
               Row{0x44b52d02c7e14af5, "9.999999999999997e+22"}, Row{0x44b52d02c7e14af6, "1e+23"},
               Row{0x44b52d02c7e14af7, "1.0000000000000001e+23"}, Row{0x444b1ae4d6e2ef4e, "999999999999999700000"},
               Row{0x444b1ae4d6e2ef4f, "999999999999999900000"}, Row{0x444b1ae4d6e2ef50, "1e+21"},
               Row{0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"}, Row{0x3eb0c6f7a0b5ed8d, "0.000001"},
               Row{0x41b3de4355555553, "333333333.3333332"}, Row{0x41b3de4355555554, "333333333.33333325"},
               Row{0x41b3de4355555555, "333333333.3333333"}, Row{0x41b3de4355555556, "333333333.3333334"},
               Row{0x41b3de4355555557, "333333333.33333343"}, Row{0xbecbf647612f3696, "-0.0000033333333333333333"},
               Row{0x43143ff3c1cb0959, "1424953923781206.2"});
  CHECK(number(row.ieee) == row.text);
}

TEST_CASE("what has no canonical form is refused with its pointer") {
  const auto refused = [](const Json& value) {
    const auto out = canonical_form(value);
    REQUIRE_FALSE(out);
    return out.error().front().pointer;
  };
  CHECK(refused({{"a", {1, std::int64_t{9007199254740992}}}}) == "/a/1");
  CHECK(refused({{"a", std::int64_t{-9007199254740992}}}) == "/a");
  CHECK(refused({{"a", std::uint64_t{18446744073709551615U}}}) == "/a");
  CHECK(refused({{"n", std::numeric_limits<double>::quiet_NaN()}}) == "/n");
  CHECK(refused({{"n", std::numeric_limits<double>::infinity()}}) == "/n");
  CHECK(refused({{"s", "\xff"}}) == "/s");
  CHECK(refused({{"s", "\xed\xa0\x80"}}) == "/s");  // half a surrogate pair
  CHECK(refused({{"\xc0\x80", 1}}).empty());        // an overlong NUL
  CHECK(canonical_form(std::int64_t{9007199254740991}).value() == "9007199254740991");
}

TEST_CASE("equal values have one digest, however they were written") {
  const auto digest = [](const char* text) { return canonical_digest(parse_strict_json(text).value()); };
  CHECK(digest(R"({"a":1,"b":[true,"x"]})") == digest("{ \"b\" : [true, \"\\u0078\"], \"a\": 1 }"));
  CHECK(digest(R"({"a":1})") != digest(R"({"a":"1"})"));
  CHECK(digest(R"([1,2])") != digest(R"([2,1])"));
}
