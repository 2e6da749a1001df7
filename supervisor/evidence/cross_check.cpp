#include "supervisor/evidence/cross_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

namespace cordon {
namespace {

using Json = nlohmann::json;

// What cordond had written may be of any kind.
std::string text(const Json& entry, const char* name) {
  const auto found = entry.find(name);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number(const Json& entry, const char* name, std::uint64_t otherwise) {
  const auto found = entry.find(name);
  return found != entry.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : otherwise;
}

struct Said {
  std::uint64_t index = 0;
  std::int64_t at_ms = 0;
  Json entry;
};

struct JobStory {
  std::optional<Said> decision, outcome;
  std::size_t outcomes = 0;
  std::map<std::string, Said> started, ended;  // by run
  std::vector<Said> strange_flows;             // let out by cordon-egress in another name than cordond's decision has
};

struct Stories {
  std::map<std::string, JobStory> jobs;
  std::vector<std::int64_t> servings;  // when a cordond began
  std::int64_t last_ms = 0;
};

std::int64_t parse_time(const std::string& text) {
  std::tm tm{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
  if (rest == nullptr) return 0;
  const int ms = *rest == '.' ? std::atoi(rest + 1) : 0;
  return std::int64_t{::timegm(&tm)} * 1000 + ms;
}

// What a cordond could not know to be written the next one says again, and marks it.
bool is_retold(const Json& again, const Json& before) {
  if (!again.contains("retold")) return false;
  const auto content = [](Json entry) {
    for (const char* stamp : {"client", "index", "noted_at", "number", "retold", "time"}) entry.erase(stamp);
    return entry;
  };
  return content(again) == content(before);
}

// A cordond that ended before it had written an outcome into its journal does not know later that it told it here.
void take_outcome(JobStory& story, Said said) {
  const auto is_lost = [](const Said& one) { return text(one.entry, "outcome") == "lost"; };
  if (story.outcome && (is_lost(said) || is_retold(said.entry, story.outcome->entry))) return;
  story.outcomes = story.outcome && is_lost(*story.outcome) ? 1 : story.outcomes + 1;
  story.outcome = std::move(said);
}

bool is_of(const Json& flow, const std::optional<Said>& decision) {
  const auto is_same = [&](const char* whose) {
    return flow.value(whose, Json("")) == decision->entry.value(whose, Json(""));
  };
  return decision && is_same("actor") && is_same("tenant") && is_same("tool") && is_same("profile");
}

Stories read_stories(const EvidenceLog& log, std::vector<EvidenceFault>& faults) {
  Stories out;
  for (std::uint64_t i = 0; i < log.entries.size(); ++i) {
    const auto& line = log.entries[i];
    auto entry = Json::parse(line.text, nullptr, false);
    if (!entry.is_object()) {
      faults.push_back({line.file, line.offset, log.gone.size() + i, "it is no JSON object"});
      continue;
    }
    Said said{log.gone.size() + i, parse_time(text(entry, "time")), {}};
    out.last_ms = std::max(out.last_ms, said.at_ms);
    const auto kind = text(entry, "kind");
    const auto job = text(entry, "job");
    if (kind == "serving") out.servings.push_back(said.at_ms);
    if (job.empty()) continue;
    const auto run = text(entry, "run");
    said.entry = std::move(entry);
    if (kind == "decision")
      out.jobs[job].decision = std::move(said);
    else if (kind == "started")
      out.jobs[job].started.emplace(run, std::move(said));
    else if (kind == "ended")
      out.jobs[job].ended.emplace(run, std::move(said));
    else if (kind == "flow" && !is_of(said.entry, out.jobs[job].decision))
      out.jobs[job].strange_flows.push_back(std::move(said));
    else if (kind == "outcome")
      take_outcome(out.jobs[job], std::move(said));
  }
  return out;
}

std::string ending_of(const Said& ended) {
  return text(ended.entry, "ending");
}

// Nothing of the job ran in that sandbox.
bool ran_nothing(const std::string& ending) {
  return ending == "stale" || ending == "declined" || ending == "setup_failed";
}

bool is_one_of(const std::string& word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// May cordond tell this ending as that outcome (supervisor/jobs/outcome.cpp)?
bool agrees(const Json& ended, const Json& outcome) {
  const auto ending = text(ended, "ending"), told = text(outcome, "outcome");
  const auto code = number(ended, "code", 0);
  if (told == "lost") return true;  // that it does not know is no lie about what was
  if (ending == "exited" && told == "invalid_output") return code == 0;
  if (ending == "exited") return (told == "exited" && number(outcome, "code", 256U) == code) || told == "output_limit";
  if (ending == "exec_failed") return told == "exited" && number(outcome, "code", 256U) == code;
  if (ending == "signalled")
    return (told == "signalled" && number(outcome, "signal", 0U) == code) || told == "output_limit";
  if (ending == "timed_out") return told == "timed_out" && text(outcome, "limit") == (code == 0 ? "wall" : "cpu");
  if (ending == "out_of_memory") return told == "out_of_memory";
  if (ending == "hung_up") return is_one_of(told, {"cancelled", "killed", "output_limit"});
  if (ending == "stopped") return told == "killed";
  if (ran_nothing(ending)) return is_one_of(told, {"setup_failed", "cancelled", "killed", "denied", "withdrawn"});
  return false;  // vanished, hanging: lost
}

class Checker {
 public:
  Checker(const EvidenceLog& log, std::chrono::seconds grace)
      : log_(log),
        grace_ms_(std::chrono::milliseconds(grace).count()),
        stories_(read_stories(log, out_.contradictions)) {}

  CrossChecked check() {
    for (const auto& [id, story] : stories_.jobs) {
      out_.decisions += story.decision ? 1 : 0;
      out_.outcomes += story.outcomes;
      out_.started += story.started.size();
      out_.ended += story.ended.size();
      check(id, story);
    }
    std::sort(out_.contradictions.begin(), out_.contradictions.end(),
              [](const auto& a, const auto& b) { return a.entry < b.entry; });
    return std::move(out_);
  }

 private:
  void fault(const Said& at, const std::string& id, const std::string& what) {
    const auto* entry = log_.entry(at.index);
    out_.contradictions.push_back({entry->file, entry->offset, at.index, "job " + id + ": " + what});
  }

  bool is_recent(const Said& said) const { return stories_.last_ms - said.at_ms <= grace_ms_; }

  // What a cordond that ended just then could no longer say.
  bool ended_with_cordond(const Said& said) const {
    return std::any_of(stories_.servings.begin(), stories_.servings.end(), [&](std::int64_t serving) {
      return serving >= said.at_ms && serving - said.at_ms <= grace_ms_;
    });
  }

  void check(const std::string& id, const JobStory& story) {
    const bool pruned = log_.gone.size() > 0;  // the beginning may be gone
    for (const auto& [run, started] : story.started) {
      if (!story.decision && !pruned)
        fault(started, id, "the launcher started it, and cordond has not said that it let it in");
      if (story.decision) compare_decision(id, started, *story.decision);
    }
    for (const auto& flow : story.strange_flows)
      if (story.decision || !pruned)
        fault(flow, id, "cordon-egress let a connection of it out for somebody whom cordond has not let in with it");
    const Said* last = nullptr;  // of those in which it ran
    for (const auto& [run, ended] : story.ended) {
      if (!story.started.contains(run) && !pruned) fault(ended, id, "the launcher ended what it has not started");
      if (!ran_nothing(ending_of(ended)) || last == nullptr) last = &ended;
    }
    if (story.outcomes > 1) fault(*story.outcome, id, "cordond has told more than one outcome of it");
    if (story.outcome) {
      check_outcome(id, story, last);
    } else {
      check_missing(id, story, last);
    }
  }

  void compare_decision(const std::string& id, const Said& started, const Said& decision) {
    std::vector<const char*> members{"profile_sha256", "image", "limits"};
    if (started.entry.contains("image_sha256")) members.push_back("image_sha256");  // of an imported one
    for (const char* member : members) {
      if (started.entry.value(member, Json()) != decision.entry.value(member, Json()))
        fault(started, id, fmt::format("the launcher started it with another \"{}\" than cordond has decided", member));
    }
  }

  void check_outcome(const std::string& id, const JobStory& story, const Said* ended) {
    const auto& outcome = *story.outcome;
    const auto told = text(outcome.entry, "outcome");
    const bool claims_a_run =
        is_one_of(told, {"exited", "signalled", "timed_out", "out_of_memory", "output_limit", "invalid_output"});
    if (ended == nullptr) {
      const bool may_be_gone = log_.gone.size() > 0 && story.started.empty();
      if (claims_a_run && !may_be_gone && !is_recent(outcome))
        fault(outcome, id, "cordond says that it " + told + ", and the launcher has not seen that");
      return;
    }
    if (!agrees(ended->entry, outcome.entry))
      return fault(outcome, id,
                   fmt::format("cordond says \"{}\", and the launcher \"{}\" (entry {})", told_as(outcome.entry),
                               seen_as(ended->entry), ended->index));
    if (claims_a_run && outcome.entry.value("usage", Json()) != ended->entry.value("usage", Json()))
      fault(outcome, id,
            fmt::format("cordond says that it used other than the launcher has seen (entry {})", ended->index));
  }

  void check_missing(const std::string& id, const JobStory& story, const Said* ended) {
    if (ended != nullptr && !ran_nothing(ending_of(*ended)) && !is_recent(*ended) && !ended_with_cordond(*ended))
      return fault(*ended, id, "the launcher ended it, and cordond has not said how");
    if (story.decision || ended != nullptr) out_.open.push_back(id);
  }

  static std::string told_as(const Json& outcome) {
    auto told = text(outcome, "outcome");
    for (const char* more : {"code", "signal", "limit"})
      if (outcome.contains(more)) told += " " + outcome[more].dump();
    return told;
  }
  static std::string seen_as(const Json& ended) {
    return text(ended, "ending") + " " + ended.value("code", Json(0)).dump();
  }

  const EvidenceLog& log_;
  std::int64_t grace_ms_;
  CrossChecked out_;
  Stories stories_;
};

}  // namespace

CrossChecked cross_check(const EvidenceLog& log, std::chrono::seconds grace) {
  return Checker(log, grace).check();
}

}  // namespace cordon
