// Promise (api.md): whatever docs/openapi.json says that a request may have, it may have, alone and beside whatever
// else it may have; and there is nothing else. What is tried comes out of the description itself: a member that
// nobody has a value for, and one that a parser takes and the description lacks, fail here.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "supervisor/evidence/verify.hpp"
#include "tests/promises/described_api.hpp"
#include "tests/promises/known_values.hpp"

using namespace cordon::test;

namespace {

constexpr const char* unknown_member = "no_such_member";

std::string short_of(const std::string& text) {
  return text.size() > 600 ? text.substr(0, 600) + "…" : text;
}

// The members that stand at the top of a body, as the description has them.
std::set<std::string> top_of(const Operation& operation) {
  std::set<std::string> names;
  for (const auto& member : members_in(operation.body))
    if (member.find('/', 1) == member.npos) names.insert(member.substr(1));
  return names;
}

// All quoted words of the product's sources that a member could be called.
std::set<std::string> words_of_sources() {
  std::set<std::string> words;
  for (const char* folder : {"/supervisor", "/profiles"})
    for (const auto& file : std::filesystem::recursive_directory_iterator(std::string(CORDON_SOURCE_DIR) + folder)) {
      if (file.path().extension() != ".cpp" && file.path().extension() != ".hpp") continue;
      const auto text = read_text(file.path());
      for (std::size_t at = 0; (at = text.find('"', at)) != text.npos;) {
        const auto end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_", ++at);
        if (end != text.npos && text[end] == '"' && end > at && end - at < 40) words.insert(text.substr(at, end - at));
      }
    }
  return words;
}

class Trial {
 public:
  explicit Trial(Stage& stage) : stage_(stage) {}

  void go_through(const Operation& operation) {
    const auto at = stage_.known().find(operation.name());
    const bool is_known = at != stage_.known().end();
    if (!is_known) {
      if (!operation.body.is_null() || !operation.parameters.empty())
        FAIL_CHECK("no value is known for " << operation.name());
      return;
    }
    operation_ = &operation;
    known_ = &at->second;
    used_.clear();
    expect_known_members();
    use_parameters();
    if (!operation.body.is_null()) {
      use_members();
      expect_all_used();
      refused_target_ = known_->target();
      refuse_nul();
      refuse_what_is_not_described();
    }
    stage_.tidy();
  }

 private:
  void expect_known_members() {
    auto described = top_of(*operation_);
    for (const auto& member : described)
      if (!known_->members.contains(member))
        FAIL_CHECK("no value is known for member " << member << " of " << operation_->name());
    for (const auto& [member, values] : known_->members)
      if (!described.contains(member))
        FAIL_CHECK("docs/openapi.json lacks member " << member << " of " << operation_->name());
    for (const auto& parameter : operation_->parameters)
      if (!known_->query.contains(parameter.name))
        FAIL_CHECK("no value is known for parameter " << parameter.name << " of " << operation_->name());
  }

  Call call_to(const Target& target, const Json& body) const {
    Call call;
    call.method = in_upper_case(operation_->method);
    call.target = target.path;
    if (!body.is_null()) call.body = body.dump();
    return call;
  }

  void put_parameter(Call& call, const Parameter& parameter, const std::string& value) {
    if (parameter.where == "header") {
      auto text = parameter.name == "Idempotency-Key" ? std::to_string(++count_) + value : value;
      call.headers.push_back(parameter.name + ": " + text.substr(0, 255));
      return;
    }
    const auto there = call.target.find("?" + parameter.name + "=");
    call.target = call.target.substr(0, there);
    call.target += (call.target.find('?') == call.target.npos ? "?" : "&") + parameter.name + "=" + value;
  }

  void expect_as_described(const Answer& answer) {
    const auto violation = description_.violation_of(operation_->method, operation_->path, answer);
    INFO(violation);
    CHECK(violation.empty());
    REQUIRE(!stage_.cordon().daemon().wait(std::chrono::milliseconds(0)));
  }

  void expect_success(const Call& call) {
    INFO(call.method << " " << call.target << " " << short_of(Json(call.headers).dump() + " " + call.body));
    const bool is_endless = call.target.ends_with("follow=true");
    const auto answer = is_endless ? head_of_stream(stage_.cordon().operator_socket(), call.target)
                                   : stage_.ask(known_->by_agent, call);
    INFO(answer.status << " " << short_of(answer.body));
    CHECK(answer.status < 300);
    expect_as_described(answer);
  }

  void expect_refusal(const Call& call, long status) {
    const auto answer = stage_.ask(known_->by_agent, call);
    INFO(call.method << " " << call.target << " " << short_of(call.body) << "\n"
                     << answer.status << " " << short_of(answer.body));
    CHECK(answer.status == status);
    expect_as_described(answer);
  }

  Json base() const { return operation_->body.is_null() ? Json() : body_of(*known_, {}, Json::object()); }

  // Each alone with each of its values, and each beside each other one.
  void use_parameters() {
    const auto& all = operation_->parameters;
    const auto& query = known_->query;
    for (const auto& one : all) {
      if (!query.contains(one.name)) continue;
      for (const auto& value : query.at(one.name)) {
        auto call = call_to(known_->target(), base());
        put_parameter(call, one, value);
        expect_success(call);
      }
      for (const auto& other : all) {
        if (other.name <= one.name || !query.contains(other.name)) continue;
        auto call = call_to(known_->target(), base());
        put_parameter(call, one, query.at(one.name).front());
        put_parameter(call, other, query.at(other.name).front());
        expect_success(call);
      }
      if (one.where != "query") continue;
      auto call = call_to(known_->target(), base());
      put_parameter(call, one, "%00");
      expect_refusal(call, 400);
    }
  }

  void use(const std::vector<Chosen>& chosen) {
    if (body_of(*known_, chosen, Json::object()).is_null()) return;
    const auto target = known_->target();
    const auto body = body_of(*known_, chosen, target.fill);
    used_.merge(members_used(body, operation_->body));
    bodies_.push_back(body);
    expect_success(call_to(target, body));
  }

  void use_members() {
    bodies_.clear();
    for (const auto& [name, member] : known_->members)
      for (const auto& value : member.values) use({{name, value}});
    alone_ = bodies_.size();
    for (const auto& [name, member] : known_->members)
      for (const auto& [other, beside] : known_->members)
        if (name < other) use({{name, member.values.front()}, {other, beside.values.front()}});
  }

  void expect_all_used() const {
    for (const auto& member : members_in(operation_->body))
      if (!used_.contains(member))
        FAIL_CHECK("no value is known for member " << member << " of " << operation_->name());
  }

  // Every text of every body, in turn.
  void refuse_nul() {
    std::set<std::string> done;
    for (std::size_t i = 0; i < alone_; ++i) {
      const auto& body = bodies_[i];
      if (body.dump().size() > 10000) continue;
      const auto flat = body.flatten();
      for (const auto& [pointer, value] : flat.items()) {
        if (!value.is_string() || !done.insert(pointer).second) continue;
        auto spoiled = body;
        spoiled[Json::json_pointer(pointer)] = std::string("a\0b", 3);
        expect_refusal(call_to(refused_target_, spoiled), 400);
      }
    }
  }

  // Where `pointer` is that of an object of the body, with "*" for the first of a list.
  static std::optional<Json::json_pointer> place_of(const Json& body, std::string pointer) {
    for (std::size_t at = 0; (at = pointer.find('*')) != pointer.npos;) pointer.replace(at, 1, "0");
    const Json::json_pointer place(pointer);
    return body.contains(place) && body.at(place).is_object() ? std::optional(place) : std::nullopt;
  }

  // The shortest body that has an object there.
  std::optional<Json> body_with(const std::string& pointer) const {
    const Json* best = nullptr;
    for (const auto& body : bodies_) {
      if (!place_of(body, pointer)) continue;
      if (best == nullptr || body.size() < best->size()) best = &body;
    }
    return best == nullptr ? std::nullopt : std::optional(*best);
  }

  // The objects whose members are described, by pointer, with their members.
  std::map<std::string, std::set<std::string>> objects() const {
    std::map<std::string, std::set<std::string>> all;
    for (const auto& member : members_in(operation_->body)) {
      const auto slash = member.rfind('/');
      all[member.substr(0, slash)].insert(member.substr(slash + 1));
    }
    return all;
  }

  // A parser that takes a member does not say of it that it does not know it.
  void refuse_what_is_not_described() {
    static const auto words = words_of_sources();
    REQUIRE(words.size() > 300);
    for (const auto& [pointer, members] : objects()) {
      const auto body = body_with(pointer);
      if (!body) continue;  // told already
      std::vector<std::string> others;
      std::set_difference(words.begin(), words.end(), members.begin(), members.end(), std::back_inserter(others));
      for (std::size_t at = 0; at < others.size(); at += 12)
        refuse_all(*body, pointer,
                   {others.begin() + static_cast<std::ptrdiff_t>(at),
                    others.begin() + static_cast<std::ptrdiff_t>(std::min(at + 12, others.size()))});
    }
  }

  void refuse_all(Json body, const std::string& pointer, const std::vector<std::string>& words) {
    const auto place = *place_of(body, pointer);
    for (const auto& word : words) body[place][word] = nullptr;
    body[place][unknown_member] = nullptr;
    const auto answer = stage_.ask(known_->by_agent, call_to(refused_target_, body));
    INFO(operation_->name() << " " << short_of(body.dump()) << "\n" << answer.status << " " << answer.body);
    REQUIRE(answer.status == 400);
    std::set<std::string> refused;
    const auto errors = answer.json().at("errors");
    for (const auto& error : errors)
      if (error.at("detail") == "is not a known key") refused.insert(error.at("pointer"));
    const auto at = place.to_string() + "/";
    REQUIRE(refused.contains(at + unknown_member));
    for (const auto& word : words)
      if (!refused.contains(at + word))
        FAIL_CHECK("docs/openapi.json lacks member " << at + word << " of " << operation_->name());
  }

  Stage& stage_;
  Description description_;
  const Operation* operation_ = nullptr;
  const Known* known_ = nullptr;
  Target refused_target_;
  std::set<std::string> used_;
  std::vector<Json> bodies_;
  std::size_t alone_ = 0;
  int count_ = 0;
};

// What the daemon says that a call's query may have, when it has something else.
std::set<std::string> parameters_told(const Stage& stage, const Operation& operation) {
  auto target = operation.path;
  for (auto open = target.find('{'); open != target.npos; open = target.find('{'))
    target.replace(open, target.find('}') - open + 1, "x");
  const auto answer = stage.ask(false, in_upper_case(operation.method), target + "?" + unknown_member + "=1");
  INFO(operation.name() << " " << answer.status << " " << answer.body);
  REQUIRE(answer.status == 400);
  REQUIRE(answer.json().at("code") == "unknown_parameter");
  const auto remedy = answer.json().at("remedy").get<std::string>();
  const std::string there = "There are: ";
  if (!remedy.starts_with(there)) return {};
  std::istringstream words(remedy.substr(there.size()));
  return {std::istream_iterator<std::string>(words), {}};
}

// Of what was accepted nothing was lost or could not be run; there is no cordon-egress for what may go out.
void expect_good_ends(const Stage& stage) {
  for (const char* state : {"queued", "running"}) {
    INFO(state);
    CHECK(eventually(
        [&] { return stage.ask(false, "GET", std::string("/v1/jobs?state=") + state).json().at("jobs").empty(); },
        std::chrono::seconds(60)));
  }
  const auto jobs = stage.ask(false, "GET", "/v1/jobs?state=finished&limit=1000").json().at("jobs");
  CHECK(jobs.size() > 200);
  for (const auto& job : jobs) {
    if (job.at("profile") == "outside" || job.at("tool") == "once") continue;
    const auto kind = job.at("outcome").at("kind");
    if (kind == "killed" || kind == "denied" || kind == "cancelled") continue;
    INFO(short_of(job.dump()));
    CHECK(job.at("outcome") == Json{{"kind", "exited"}, {"code", 0}});
  }
}

}  // namespace

TEST_CASE(
    "every member and parameter that is described can be used, alone and beside each other, and there is no other") {
  Stage stage;
  const auto before = stage.cordon().counts_at_rest();
  Trial trial(stage);
  auto operations = Description().operations();
  // An incident of all revokes the grants that others use.
  std::stable_partition(operations.begin(), operations.end(),
                        [](const Operation& one) { return one.path != "/v1/incidents"; });
  for (const auto& operation : operations) {
    trial.go_through(operation);
    std::set<std::string> described;
    for (const auto& parameter : operation.parameters)
      if (parameter.where == "query") described.insert(parameter.name);
    INFO(operation.name());
    CHECK(parameters_told(stage, operation) == described);
  }
  const auto approvals = stage.ask(false, "GET", "/v1/approvals").json().at("approvals");
  for (const auto& held : approvals) stage.ask(false, "DELETE", "/v1/jobs/" + held.at("job").get<std::string>());
  expect_good_ends(stage);
  CHECK(stage.cordon().counts_settled_at(before) == before);
  cordon::VerifyWish wish;
  wish.directory = stage.cordon().evidence_dir();
  for (const auto& fault : cordon::verify_evidence(wish).faults) FAIL_CHECK(to_string(fault));
}
