// Grants (issue "Governed tools", 3): a child is the meet of its parent and what is asked for; nobody's use widens
// anything.
#include <catch2/catch.hpp>

#include "supervisor/authority/contexts.hpp"
#include "supervisor/authority/grant_book.hpp"

using namespace cordon;

namespace {

GrantTerms broad() {
  GrantTerms terms;
  terms.uid = 1000;
  terms.tools = {"read", "mail*"};
  terms.resources = {"repo/a/*", "repo/b"};
  terms.actions = {"read_only", "external"};
  terms.task = "T";
  terms.expires_age_s = 1000;
  terms.uses = 10;
  return terms;
}

GrantRequest request(const char* text) {
  FieldErrors errors;
  auto asked = read_grant_request(Json::parse(text), errors);
  INFO((errors.empty() ? "" : errors[0].pointer + " " + errors[0].detail));
  REQUIRE(errors.empty());
  return asked;
}

std::string pointer(const char* text) {
  const auto terms = narrowed(broad(), request(text), 100);
  return terms ? "" : terms.error().front().pointer;
}

Grant grant(const char* name, const char* parent, std::optional<std::uint64_t> uses = std::nullopt,
            std::int64_t expires = 1000) {
  Grant out;
  out.name = name;
  out.parent = parent;
  out.terms.uid = 1000;
  out.terms.uses = uses;
  out.terms.expires_age_s = expires;
  return out;
}

}  // namespace

TEST_CASE("what is not asked for is as in the parent, and what is within it is granted") {
  CHECK(narrowed(broad(), GrantRequest{}, 100) == broad());
  const auto terms =
      narrowed(broad(), request(R"({"uid": 7, "tools": ["mail_out", "mail*"], "resources": ["repo/a/x", "repo/a/y*"],
    "actions": ["read_only"], "task": "T/1", "uses": 10, "expires_s": 900})"),
               100);
  REQUIRE(terms);
  CHECK(terms->uid == 7);
  CHECK(terms->tools == std::vector<std::string>{"mail_out", "mail*"});
  CHECK(terms->expires_age_s == 1000);
  CHECK(narrowed(*terms, GrantRequest{}, 100) == *terms);
}

TEST_CASE("what is wider than the parent is refused, each with its pointer", "[governed:widened]") {
  CHECK(pointer(R"({"tools": ["read", "write"]})") == "/tools");
  CHECK(pointer(R"({"tools": ["*"]})") == "/tools");
  CHECK(pointer(R"({"tools": ["rea*"]})") == "/tools");
  CHECK(pointer(R"({"resources": ["repo/*"]})") == "/resources");
  CHECK(pointer(R"({"actions": ["administrative"]})") == "/actions");
  CHECK(pointer(R"({"uses": 11})") == "/uses");
  CHECK(pointer(R"({"expires_s": 901})") == "/expires_s");
  CHECK(pointer(R"({"task": "T2"})") == "/task");
  CHECK(pointer(R"({"profiles": ["strict"]})").empty());  // the parent has any
}

TEST_CASE("a use that the terms do not name is beyond them") {
  const GrantUse good{1000, "a", "t", "mail_out", "default", "external", {"repo/a/x"}, {"pii"}};
  CHECK_FALSE(beyond(broad(), good));
  const auto with = [&](auto change) {
    auto use = good;
    change(use);
    return beyond(broad(), use).has_value();
  };
  CHECK(with([](GrantUse& use) { use.uid = 1001; }));
  CHECK(with([](GrantUse& use) { use.tool = "write"; }));
  CHECK(with([](GrantUse& use) { use.tool = ""; }));  // a plain job is no call of a tool
  CHECK(with([](GrantUse& use) { use.action = "financial"; }));
  CHECK(with([](GrantUse& use) { use.action = ""; }));
  CHECK(with([](GrantUse& use) { use.resources.emplace_back("repo/c"); }));
  auto terms = broad();
  terms.data_classes = {"public"};
  CHECK(beyond(terms, good));
  terms = broad();
  terms.actor = "b";
  CHECK(beyond(terms, good));
  terms = broad();
  terms.tenant = "u";
  CHECK(beyond(terms, good));
}

TEST_CASE("a use counts for a grant and for all that it was made from, and is given back to all") {
  GrantBook book;
  book.add(grant("a", "", 2));
  book.add(grant("b", "a", 2));
  book.add(grant("c", "b"));
  CHECK(book.take("c").size() == 3);
  CHECK(book.take("b").size() == 2);
  CHECK(book.is_used_up("c"));
  CHECK(book.is_used_up("a"));
  book.give_back("b");
  CHECK_FALSE(book.is_used_up("c"));
  CHECK(book.find("a")->used == 1);
}

TEST_CASE("a grant ends with any that it was made from, and when it is not known any more") {
  GrantBook book;
  book.add(grant("a", "", std::nullopt, 50));
  book.add(grant("b", "a"));
  book.add(grant("orphan", "gone"));
  CHECK_FALSE(book.ended("b", 49));
  CHECK(book.ended("b", 50) == "the grant has expired");
  CHECK(book.ended("orphan", 0) == "there is no such grant");
  CHECK(book.is_used_up("orphan"));
  CHECK(book.revoke("a", "alice") == std::vector<std::string>{"a", "b"});
  CHECK(book.revoke("a", "bob").empty());
  CHECK(book.ended("b", 0) == "the grant was revoked by alice");
}

TEST_CASE("grants that rest on each other in a ring are no grants") {
  GrantBook book;
  book.add(grant("a", "b"));
  book.add(grant("b", "a"));
  CHECK(book.ended("a", 0));
  CHECK(book.is_used_up("a"));
}

TEST_CASE("what ended long ago is forgotten, but not what others rest on") {
  GrantBook book;
  book.add(grant("a", "", std::nullopt, 10));
  book.add(grant("b", "a", std::nullopt, 10));
  CHECK(book.forget_old(86409).empty());
  CHECK(book.forget_old(86410) == std::vector<std::string>{"b"});
  CHECK(book.forget_old(86410) == std::vector<std::string>{"a"});
}

TEST_CASE("a grant is read from the journal as it was written") {
  auto one = grant("a", "b");
  one.terms = broad();
  one.made_by = "alice";
  const auto again = parse_grant(to_json(one));
  REQUIRE(again);
  CHECK(again->terms == one.terms);
  CHECK(again->parent == "b");
  CHECK_FALSE(parse_grant(Json::parse(R"({"name": "a"})")));
}

TEST_CASE("a secret is 256 bits, and its name does not tell it") {
  const auto secret = fresh_secret();
  CHECK(secret.size() == 64);
  CHECK(secret != fresh_secret());
  CHECK(grant_name(secret).size() == 32);
  CHECK(secret.find(grant_name(secret)) == std::string::npos);
}

TEST_CASE("what an actor may have read only grows, by task, until it is cleared") {
  Contexts contexts;
  CHECK_FALSE(contexts.join("a", "", {}));
  CHECK(contexts.join("a", "", {true, {}, {"pii"}, {}}));
  CHECK_FALSE(contexts.join("a", "", {false, {}, {"pii"}, {}}));
  CHECK(contexts.of("a", "").untrusted);
  CHECK_FALSE(contexts.of("a", "T").untrusted);
  CHECK_FALSE(contexts.of("b", "").untrusted);
  CHECK(contexts.clear("a", ""));
  CHECK_FALSE(contexts.of("a", "").untrusted);
}
