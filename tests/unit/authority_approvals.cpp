// Approvals (issue "Governed tools", 4): bound to one action, given by others than who asked, good once and for a time.
#include <catch2/catch.hpp>
#include <random>

#include "profiles/canonical_json.hpp"
#include "supervisor/authority/action.hpp"
#include "supervisor/authority/approval.hpp"

using namespace cordon;

namespace {

const Sha256 policy = sha256("policy");

ApprovalNeed need(std::vector<std::string> by, std::uint32_t people) {
  return {"rule", "because", {std::move(by), people, 60}};
}

Approval waiting(std::vector<ApprovalNeed> needs) {
  Approval approval;
  approval.action = sha256("action");
  approval.policy = policy;
  approval.body = sha256("body");
  approval.expires_age_s = 100;
  approval.submitter = "agent";
  approval.submitter_uid = 1000;
  approval.needs = std::move(needs);
  return approval;
}

Approver person(const std::string& actor, std::uint32_t uid, std::vector<std::string> roles = {}) {
  return {actor, uid, std::move(roles), false};
}

std::string code(const Approval& approval, const Approver& approver, std::int64_t age_s = 0) {
  const auto why = objection(approval, approver, approval.binding(), age_s);
  return why ? why->code : "";
}

JobOrder an_order() {
  JobOrder order;
  order.profile = "default";
  order.profile_sha256 = sha256("profile");
  order.image = "host";
  order.argv = {"python3", "-c", "print(6*7)"};
  order.env = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
  order.cwd = "sub";
  order.stdin_bytes = "some input\n";
  order.files.push_back({"a/b.txt", 0644, std::string("con\0tent", 8), nullptr});
  order.files.push_back({"tool", 0755, "#!/bin/sh\n", nullptr});
  order.collect = {"out/*"};
  order.collect_bounds = {16, 1 << 20};
  order.limits = {10000, 5000, 1000, 256 << 20, 64, 1 << 20, 64 << 20, 16384, 32 << 20, 256};
  order.labels = {{"task", "T-1"}};
  order.inputs.data_classes = {"pii"};
  return order;
}

}  // namespace

TEST_CASE("whoever asked for it cannot approve it: not by uid, not by name", "[governed:self-approval]") {
  const auto approval = waiting({need({}, 1)});
  CHECK(code(approval, person("agent", 1000)) == "self_approval");
  CHECK(code(approval, person("somebody", 1000)) == "self_approval");
  CHECK(code(approval, person("agent", 1001)) == "self_approval");
  CHECK(code(approval, person("somebody", 1001)).empty());
}

TEST_CASE("as many different people as the rule says, and each counts once") {
  auto approval = waiting({need({"security"}, 2)});
  const auto vote = [&](const Approver& by) { approval.votes.push_back({by, {}}); };
  CHECK(code(approval, person("eve", 7)) == "not_an_approver");
  CHECK(code(approval, person("alice", 1, {"security"})).empty());
  vote(person("alice", 1, {"security"}));
  CHECK_FALSE(approval.is_complete());
  CHECK(code(approval, person("alice", 2, {"security"})) == "approved_already");
  CHECK(code(approval, person("bob", 1, {"security"})) == "approved_already");
  vote(person("bob", 2, {"security"}));
  CHECK(approval.is_complete());
}

TEST_CASE("each of several rules is satisfied by people of its own roles") {
  auto approval = waiting({need({"security"}, 1), need({"finance"}, 1)});
  approval.votes.push_back({person("alice", 1, {"security"}), {}});
  CHECK_FALSE(approval.is_complete());
  CHECK(code(approval, person("bob", 2, {"finance"})).empty());
  approval.votes.push_back({person("bob", 2, {"finance"}), {}});
  CHECK(approval.is_complete());
  CHECK_FALSE(waiting({}).is_complete());  // no rule asked: nothing that anybody could have consented to
}

TEST_CASE("a monitor can approve nothing, whatever its roles") {
  const auto approval = waiting({need({"security"}, 1)});
  CHECK(code(approval, {"scorer", 5, {"security"}, true}) == "monitor_can_only_tighten");
}

TEST_CASE("an approval is too late from its last second on, and never given twice") {
  auto approval = waiting({need({}, 1)});
  CHECK(code(approval, person("bob", 2), 99).empty());
  CHECK(code(approval, person("bob", 2), 100) == "approval_expired");
  for (const auto state : {ApprovalState::granted, ApprovalState::refused, ApprovalState::consumed}) {
    approval.state = state;
    CHECK(code(approval, person("bob", 2)) == "not_awaiting_approval");
  }
}

TEST_CASE("an approver consents to what was shown: any other binding is refused") {
  const auto approval = waiting({need({}, 1)});
  auto other = approval.binding();
  other[31] ^= 1;
  CHECK(objection(approval, person("bob", 2), other, 0)->code == "binding_mismatch");
  auto longer = approval;
  longer.expires_age_s += 1;
  CHECK(longer.binding() != approval.binding());
  auto again = approval;
  again.asked_at += std::chrono::microseconds(1);  // the same action, asked for again
  CHECK(again.binding() != approval.binding());
  auto whose = approval;
  whose.submitter_uid = 1001;
  CHECK(whose.binding() != approval.binding());
}

TEST_CASE("what starts is what was approved, under the policy and the tool it was approved under, in time") {
  auto approval = waiting({need({}, 1)});
  approval.votes.push_back({person("bob", 2), {}});
  CHECK_FALSE(flaw(approval, approval.action, approval.tool, policy, 99));
  CHECK(flaw(approval, sha256("another"), approval.tool, policy, 99) == "the action is not the one that was approved");
  CHECK(flaw(approval, approval.action, sha256("tool"), policy, 99) == "the tool is not the one that was approved");
  CHECK(flaw(approval, approval.action, approval.tool, sha256("p"), 99));
  CHECK(flaw(approval, approval.action, approval.tool, policy, 100) == "the approval has expired");
  approval.votes.clear();
  CHECK(flaw(approval, approval.action, approval.tool, policy, 99) == "not enough people have approved it");
}

TEST_CASE("a mandate is read as it was written, and not at all once a byte of it is another", "[governed:mutation]") {
  Mandate mandate{1000, "abcd", {true, {"fetch"}, {"pii"}, {"default"}}, waiting({need({"security"}, 2)})};
  mandate.approval->votes.push_back({person("alice", 1, {"security"}), {}});
  mandate.approval->state = ApprovalState::granted;
  const auto text = mandate_text(mandate);
  const auto read = parse_mandate(text);
  REQUIRE(read);
  CHECK(mandate_text(*read) == text);
  CHECK(read->approval->binding() == mandate.approval->binding());
  CHECK(read->data == mandate.data);
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto again = parse_mandate(changed);
    INFO(changed);
    CHECK((!again || mandate_text(*again) == text));
  }
}

namespace {

// Every byte of an order that decides what runs, in its place.
std::vector<std::pair<char*, std::size_t>> bytes_of(JobOrder& order) {
  std::vector<std::pair<char*, std::size_t>> out;
  const auto add = [&](std::string& text) { out.emplace_back(text.data(), text.size()); };
  const auto add_number = [&](auto& number) { out.emplace_back(reinterpret_cast<char*>(&number), sizeof number); };
  for (auto* text : {&order.profile, &order.image, &order.cwd, &order.stdin_bytes}) add(*text);
  for (auto* list : {&order.argv, &order.env, &order.collect})
    for (auto& text : *list) add(text);
  for (auto& file : order.files) {
    add(file.path);
    add(file.content);
    add_number(file.mode);
  }
  for (auto& [name, value] : order.labels) add(value);
  out.emplace_back(reinterpret_cast<char*>(order.profile_sha256.data()), order.profile_sha256.size());
  add_number(order.collect_bounds.files);
  add_number(order.collect_bounds.bytes);
  out.emplace_back(reinterpret_cast<char*>(&order.limits), sizeof order.limits);
  return out;
}

// What the start would be told. A name that is no UTF-8 any more has no action at all, and does not start either.
bool would_start(const Approval& approval, const JobOrder& order, const Account& account, const Mandate& mandate) {
  try {
    return !flaw(approval, action_digest(order, account, mandate, {}), {}, policy, 0);
  } catch (const std::invalid_argument&) {
    return false;
  }
}

}  // namespace

TEST_CASE("of 10,000 orders with one bit flipped after the approval none starts",
          "[governed:mutation][threat:replay]") {
  const Account account{"agent", "default"};
  Mandate mandate{1000, {}, {}, std::nullopt};
  auto approval = waiting({need({}, 1)});
  approval.action = action_digest(an_order(), account, mandate, {});
  approval.votes.push_back({person("bob", 2), {}});
  REQUIRE(would_start(approval, an_order(), account, mandate));
  std::mt19937 random(20261129);  // NOLINT(bugprone-random-generator-seed,cert-msc32-c,cert-msc51-cpp): repeatable
  int started = 0;
  for (int i = 0; i < 10'000; ++i) {
    auto order = an_order();
    const auto places = bytes_of(order);
    std::size_t total = 0;
    for (const auto& [at, size] : places) total += size;
    auto byte = std::uniform_int_distribution<std::size_t>(0, total - 1)(random);
    for (const auto& [at, size] : places) {
      if (byte < size) {
        at[byte] = static_cast<char>(at[byte] ^ (1U << (random() % 8)));
        break;
      }
      byte -= size;
    }
    started += would_start(approval, order, account, mandate) ? 1 : 0;
  }
  CHECK(started == 0);
}

TEST_CASE("an action is another one with another actor, uid, grant, image or provenance") {
  const Account account{"agent", "default"};
  const Mandate mandate{1000, {}, {}, std::nullopt};
  const auto digest = action_digest(an_order(), account, mandate, {});
  CHECK(action_digest(an_order(), {"other", "default"}, mandate, {}) != digest);
  CHECK(action_digest(an_order(), {"agent", "other"}, mandate, {}) != digest);
  CHECK(action_digest(an_order(), account, {1001, {}, {}, std::nullopt}, {}) != digest);
  CHECK(action_digest(an_order(), account, {1000, "ab", {}, std::nullopt}, {}) != digest);
  CHECK(action_digest(an_order(), account, {1000, {}, {true, {}, {}, {}}, std::nullopt}, {}) != digest);
  CHECK(action_digest(an_order(), account, mandate, {.rootfs = "/srv/other"}) != digest);
  const ImageConfig imported{"", "/srv/web.erofs", sha256("one")};
  const auto of_imported = action_digest(an_order(), account, mandate, imported);
  CHECK(of_imported != digest);
  CHECK(action_digest(an_order(), account, mandate, {"", "/srv/other.erofs", imported.sha256}) != of_imported);
  CHECK(action_digest(an_order(), account, mandate, {"", imported.file, sha256("another")}) != of_imported);
  auto order = an_order();
  order.on_output_limit = OnOutputLimit::kill;
  CHECK(action_digest(order, account, mandate, {}) != digest);
}
