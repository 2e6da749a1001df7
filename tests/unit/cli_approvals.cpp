// Promise (docs/authority.md, "Approvals"): whoever approves sees the whole action, with nothing of it raw, and
// approves what was shown and nothing else.
#include <algorithm>
#include <catch2/catch.hpp>

#include "cli/approval_text.hpp"
#include "cli/failure.hpp"
#include "cli/options/options.hpp"
#include "tests/unit/cli_canned_server.hpp"
#include "tests/unit/cli_line.hpp"

using namespace cordon::cli;
using namespace cordon::cli::test;

namespace {

Choice parsed(const std::string& line) {
  return test::parsed(line, add_approval_commands);
}

const char* const hostile = "\x1b[2Jx\r\n  binding   forged\xc2\x9b\xe2\x80\xae";

std::size_t lines_with(const std::string& text, const std::string& beginning) {
  std::size_t count = text.starts_with(beginning) ? 1 : 0;
  for (auto at = text.find("\n" + beginning); at != std::string::npos; at = text.find("\n" + beginning, at + 1))
    ++count;
  return count;
}

// Held as `word` would have it wherever a client has a word.
Json approval(const std::string& word = "w") {
  Json out = Json::parse(R"({"job": "j-1", "state": "waiting", "asked_at": "2026-11-29T06:00:00Z", "grant": null,
    "needs": [{"rule": "money", "why": "look", "by": ["security"], "people": 2, "given": 1}],
    "votes": [{"actor": "alice", "at": "2026-11-29T06:01:00Z"}], "expires_at": "2026-11-29T07:00:00Z",
    "expires_in_s": 60, "binding_sha256": "b1d1", "submitter": {"actor": "uid:7", "uid": 7, "tenant": "t"}})");
  out["action"] = {{"tool", {{"name", "pay"}, {"owner", "o@example.org"}}},
                   {"argv", Json::array({"sh", "-c", word})},
                   {"profile", "default"},
                   {"profile_sha256", "p1"},
                   {"image", "host"},
                   {"env", Json::array({"A=" + word})},
                   {"files", Json::array({{{"path", word}, {"bytes", 11}, {"sha256", "f1"}, {"artifact", true}}})},
                   {"stdin", {{"bytes", 2048}, {"sha256", "s1"}}},
                   {"egress", Json::array({"example.org:443"})},
                   {"limits", {{"pids", 5}}},
                   {"provenance", {{"trust", "untrusted"}}},
                   {"labels", {{"note", word}}}};
  out["previews"] =
      Json::array({{{"path", word}, {"encoding", "utf8"}, {"whole", false}, {"content", "one\n" + word}}});
  return out;
}

const auto held_at = std::string("/v1/approvals/j-1");

CannedServer server_with(const char* state) {
  return CannedServer({{"GET " + held_at, {200, approval().dump()}},
                       {"GET /v1/approvals", {200, Json{{"approvals", Json::array({approval(hostile)})}}.dump()}},
                       {"POST " + held_at, {200, Json{{"job", "j-1"}, {"state", state}}.dump()}}});
}

}  // namespace

TEST_CASE("approvals, approve and deny take one job, and what is decided about it") {
  CHECK(parsed("approvals").id.empty());
  CHECK(parsed("approvals j-1 --json").id == "j-1");
  CHECK(parsed("approvals j-1 --json").session.json);
  CHECK(parsed("approve j-1 --binding b1d1").approve.binding == "b1d1");
  CHECK(parsed("approve j-1").approve.binding.empty());
  CHECK(parsed("deny j-1 --reason no").reason == "no");
  for (const char* line : {"approve", "deny", "approve j-1 j-2", "approvals a b", "approve j-1 --reason x",
                           "deny j-1 --binding x", "approve --binding"}) {
    INFO(line);
    CHECK_THROWS_AS(parsed(line), CLI::ParseError);
  }
}

TEST_CASE("a held job is shown whole: who asked, why, what exactly, until when, and its binding") {
  const auto text = approval_text(approval());
  CHECK(text ==
        "j-1  waiting\n"
        "  asked by  uid:7 (uid 7, tenant t) at 2026-11-29T06:00:00Z\n"
        "  grant     none\n"
        "  why       money: look (1 of 2 by security)\n"
        "  approved  alice at 2026-11-29T06:01:00Z\n"
        "  until     2026-11-29T07:00:00Z (60 s)\n"
        "  tool      pay, owner o@example.org\n"
        "  command   \"sh\" \"-c\" \"w\"\n"
        "  profile   default (sha256 p1)\n"
        "  image     host\n"
        "  env       A=w\n"
        "  file      w (artifact, 11 B, sha256 f1)\n"
        "  stdin     2.0 KiB, sha256 s1\n"
        "  egress    example.org:443\n"
        "  limits    {\"pids\":5}\n"
        "  data      {\"trust\":\"untrusted\"}\n"
        "  labels    {\"note\":\"w\"}\n"
        "  binding   b1d1\n"
        "  --- w (its beginning)\n"
        "  | one\n"
        "  | w\n");
}

TEST_CASE("nothing that a client wrote acts on the terminal of who approves, or looks like a line of ours",
          "[threat:terminal-escapes]") {
  const auto text = approval_text(approval(hostile));
  CHECK(is_safe(text));
  CHECK(lines_with(text, "  binding ") == 1);
  CHECK(lines_with(text, "  |   binding   forged") == 1);  // of the preview, and marked as such
  CHECK(std::count(text.begin(), text.end(), '\n') == 22);
}

TEST_CASE("an answer of another shape is shown, not believed") {
  CHECK_NOTHROW(approval_text(Json::object()));
  CHECK(approval_text(Json::parse(R"({"job": "j-1"})")).starts_with("j-1  \n"));
}

TEST_CASE("approving shows the action and approves what was shown, with --binding only what was looked at before") {
  auto server = server_with("granted");
  const auto said = printed([&] { return approve_job(server.session(), {"j-1", ""}); });
  CHECK(said.code == 0);
  CHECK(said.out == approval_text(approval()) + "\napproved: it goes on\n");
  const auto vote = "operator POST " + held_at + R"( {"decision":"approve","binding_sha256":")";
  CHECK(server.heard() == std::vector<std::string>{"operator GET " + held_at, vote + "b1d1\"}"});
  CHECK(printed([&] { return approve_job(server.session(), {"j-1", "0ther"}); }).out == "approved: it goes on\n");
  CHECK(server.heard() == std::vector<std::string>{vote + "0ther\"}"});
}

TEST_CASE("approving says when others must approve, too") {
  auto server = server_with("waiting");
  CHECK(printed([&] {
          return approve_job(server.session(), {"j-1", "b1d1"});
        }).out == "approved; it needs others, too\n");
  const auto json = printed([&] { return approve_job(server.session(true), {"j-1", "b1d1"}); });
  CHECK(Json::parse(json.out).at("state") == "waiting");
}

TEST_CASE("denying needs a reason in one line, and without one nothing is asked for") {
  auto server = server_with("refused");
  for (const char* reason : {"", "two\nlines", "two\rlines"})
    CHECK_THROWS_AS(deny_job(server.session(), "j-1", reason), Failure);
  CHECK(server.heard().empty());
  const auto said = printed([&] { return deny_job(server.session(), "j-1", "nobody asked for it"); });
  CHECK(said.code == 0);
  CHECK(said.out == "denied\n");
  CHECK(server.heard() == std::vector<std::string>{"operator POST " + held_at +
                                                   R"( {"decision":"deny","reason":"nobody asked for it"})"});
}

TEST_CASE("what waits is listed for people, and in JSON that is safe on a terminal, too", "[threat:terminal-escapes]") {
  auto server = server_with("waiting");
  const auto text = printed([&] { return list_approvals(server.session(), ""); });
  CHECK(text.code == 0);
  CHECK(text.out == approval_text(approval(hostile)) + "\n");
  const auto json = printed([&] { return list_approvals(server.session(true), ""); });
  CHECK(is_safe(json.out));
  CHECK(Json::parse(json.out).at(0).at("action").at("argv").at(2) == hostile);
  CHECK(printed([&] { return list_approvals(server.session(), "j-1"); }).out == approval_text(approval()));
  CHECK_THROWS_AS(list_approvals(server.session(), "j-2"), Failure);
  CannedServer empty({{"GET /v1/approvals", {200, R"({"approvals": []})"}}});
  CHECK(printed([&] { return list_approvals(empty.session(), ""); }).out == "nothing waits for approval\n");
  CHECK(printed([&] { return list_approvals(empty.session(true), ""); }).out == "[]\n");
}
