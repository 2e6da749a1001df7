#include <fmt/format.h>

#include "cli/doctor/judge.hpp"

namespace cordon::cli::doctor {
namespace {

using Json = nlohmann::ordered_json;

// Whatever the answer's form: "" and null where it is not there or of another type.
Json member(const Json& object, const char* name) {
  return object.is_object() ? object.value(name, Json()) : Json();
}
std::string text_in(const Json& object, const char* name) {
  const auto value = member(object, name);
  return value.is_string() ? value.get<std::string>() : "";
}

Finding judge_config(const InstanceFacts& instance) {
  Finding f{"config",
            Verdict::found,
            Weight::needed,
            instance.config_file + " is accepted",
            "cordond and the launcher do not start with a configuration that they do not understand",
            "mend " + instance.config_file + ": the row says where; then: systemctl reload cordond"};
  if (instance.config) return f;
  f.verdict = Verdict::missing;
  f.detail = instance.config_error;
  return f;
}

Finding judge_account(const std::string& name, bool is_there) {
  return {"account." + name.substr(name.find(' ') + 1),
          is_there ? Verdict::found : Verdict::missing,
          Weight::needed,
          is_there ? name : "there is no " + name,
          "who Cordon's processes are, and who may open which socket",
          "systemd-sysusers /usr/lib/sysusers.d/cordon.conf"};
}

Finding judge_file(const std::string& path, const std::string& wrong) {
  return {"file." + path.substr(path.rfind('/') + 1),
          wrong.empty() ? Verdict::found : Verdict::missing,
          Weight::needed,
          wrong.empty() ? path + " is there, and root's" : path + " " + wrong,
          "the launcher is root and trusts these: nobody but root may change them",
          "apt install --reinstall cordon"};
}

Finding judge_image(const std::string& name, const Looked& image) {
  Finding f{"image." + name,
            Verdict::not_tested,
            Weight::needed,
            image.detail,
            "the launcher does not start without each image that is configured",
            "cordon image import it again, or take it out of \"images\" of cordon.json"};
  if (image.well) f.verdict = *image.well ? Verdict::found : Verdict::missing;
  return f;
}

Finding judge_socket(const std::string& path, const std::string& wrong) {
  return {"socket." + path.substr(path.rfind('/') + 1),
          wrong.empty() ? Verdict::found : Verdict::missing,
          Weight::needed,
          wrong.empty() ? path + " is its group's, and nobody else's" : path + " " + wrong,
          "who may open it is who may use Cordon",
          "systemctl restart cordon-agent.socket cordon-operator.socket"};
}

Finding judge_answer(const InstanceFacts& instance) {
  Finding f{"cordond",
            Verdict::found,
            Weight::needed,
            "",
            "it decides; without it no job is taken",
            "systemctl status cordond cordon-launcher; journalctl -u cordond -u cordon-launcher"};
  if (instance.info.is_null()) {
    f.verdict = Verdict::missing;
    f.detail = instance.info_error;
    return f;
  }
  f.detail = "answers, version " + text_in(instance.info, "version");
  return f;
}

Finding judge_versions(const InstanceFacts& instance) {
  Finding f{"versions",
            Verdict::not_tested,
            Weight::needed,
            "cordond does not answer",
            "after an upgrade without a restart old programs meet new files",
            "systemctl restart cordon.target"};
  if (instance.info.is_null()) return f;
  const auto daemon = text_in(instance.info, "version"),
             launcher = text_in(member(instance.info, "launcher"), "version");
  const bool all_same = daemon == instance.cli_version && launcher == instance.cli_version;
  f.verdict = all_same ? Verdict::found : Verdict::missing;
  f.detail = fmt::format("cordon {}, cordond {}, cordon-launcher {}", instance.cli_version, daemon,
                         launcher.empty() ? "not told" : launcher);
  return f;
}

Finding judge_evidence(const InstanceFacts& instance) {
  Finding f{"evidence",
            Verdict::not_tested,
            Weight::needed,
            "cordond does not answer",
            "what is decided and what becomes of it goes on record; while it cannot, nothing is started",
            "systemctl status cordon-ledger; journalctl -u cordon-ledger; cordon evidence verify"};
  if (instance.info.is_null()) return f;
  const auto evidence = member(instance.info, "evidence");
  const auto state = text_in(evidence, "state");
  if (state.empty()) return f.detail = "cordond did not tell", f;
  f.verdict = state == "on" ? Verdict::found : Verdict::missing;
  if (state == "off") f.weight = Weight::useful;
  f.detail = state == "on"    ? "the ledger answers; whether it is whole: cordon evidence verify"
             : state == "off" ? "turned off by the configuration: nothing is on record"
                              : "the ledger does not take what is to be recorded";
  return f;
}

Finding judge_oom(const InstanceFacts& instance) {
  Finding f{"oom.order",
            Verdict::not_tested,
            Weight::useful,
            "cordond does not answer",
            "when memory runs out the kernel should kill jobs before who answers for them",
            "the units have OOMScoreAdjust=; in a container it may not be allowed"};
  if (instance.info.is_null()) return f;
  const auto score = member(instance.info, "oom_score_adj");
  if (!score.is_number_integer()) return f.detail = "cordond did not tell its own", f;
  f.verdict = score.get<int>() < 0 ? Verdict::found : Verdict::missing;
  f.detail = fmt::format("cordond has {}, jobs have 1000", score.get<int>());
  return f;
}

Finding judge_kill(const InstanceFacts& instance) {
  Finding f{"kill_switch",
            Verdict::not_tested,
            Weight::useful,
            "only operators may ask",
            "while it is engaged jobs of its scope are refused, and that is meant so",
            "cordon kill --list; cordon release SCOPE"};
  if (!instance.engaged) return f;
  f.verdict = Verdict::found;
  f.detail = "nothing is engaged; prove it with: cordon kill --drill";
  if (instance.engaged->empty()) return f;
  f.verdict = Verdict::missing;
  f.detail = "engaged: " + instance.engaged->front();
  for (std::size_t i = 1; i < instance.engaged->size(); ++i) f.detail += ", " + (*instance.engaged)[i];
  return f;
}

bool is_well(const Json& job) {
  const auto outcome = member(job, "outcome");
  return text_in(outcome, "kind") == "exited" && member(outcome, "code") == 0 && text_in(job, "stdout") == "42\n";
}

Finding judge_canary(const Canary& canary) {
  Finding f{"canary",
            Verdict::not_tested,
            Weight::needed,
            canary.why_not,
            "a real job through all of Cordon: what no look at the host can tell",
            "the outcome's remedy says what to mend; cordon doctor --json has all of it"};
  if (!canary.ran) return f;
  f.verdict = is_well(canary.job) ? Verdict::found : Verdict::missing;
  const auto enforced = member(canary.job, "enforced");
  f.detail = is_well(canary.job)
                 ? fmt::format("ran and ended as it must; {} controls read back from the kernel", enforced.size())
                 : "ended as " + member(canary.job, "outcome").dump();
  return f;
}

}  // namespace

Findings judge_instance(const InstanceFacts& instance) {
  Findings findings{judge_config(instance)};
  for (const auto& [name, is_there] : instance.accounts) findings.push_back(judge_account(name, is_there));
  for (const auto& [path, wrong] : instance.files) findings.push_back(judge_file(path, wrong));
  for (const auto& [path, wrong] : instance.sockets) findings.push_back(judge_socket(path, wrong));
  for (const auto& [name, image] : instance.images) findings.push_back(judge_image(name, image));
  findings.push_back(judge_answer(instance));
  findings.push_back(judge_versions(instance));
  findings.push_back(judge_evidence(instance));
  findings.push_back(judge_oom(instance));
  findings.push_back(judge_kill(instance));
  const auto egress = judge_egress(instance.egress, instance.config.value_or(Config{}).egress);
  findings.insert(findings.end(), egress.begin(), egress.end());
  findings.push_back(judge_canary(instance.canary));
  return findings;
}

}  // namespace cordon::cli::doctor
