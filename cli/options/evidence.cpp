// The options of commands about what is on the record.
#include <CLI/CLI.hpp>

#include "cli/options/options.hpp"

namespace cordon::cli {
namespace {

void add_evidence_file_commands(CLI::App& evidence, Choice& choice) {
  auto& options = choice.evidence;
  const auto add = [&](const char* name, const char* what, int (*command)(const Session&, const EvidenceOptions&)) {
    auto& added = *evidence.add_subcommand(name, what);
    added.add_option("--dir", options.directory, "Where the ledger has its files; default: as the instance has it");
    add_json(added, choice);
    added.callback([&choice, command] {
      choice.command = [&choice, command] { return command(choice.session, choice.evidence); };
    });
    return &added;
  };
  const auto add_outside = [&](CLI::App* command) {
    command->add_option("--key", options.key_file, "The ledger's public key, kept outside")->type_name("FILE");
    add_list(*command, "--checkpoint", options.checkpoint_files, "A checkpoint that was kept outside", "FILE");
  };
  auto* verify = add("verify", "Find the first place where the evidence is not as it was written", verify_evidence);
  add_outside(verify);
  verify->add_option("--grace", options.grace_s, "Seconds that cordond may be later than the launcher")
      ->capture_default_str();
  add("checkpoint", "Print the newest signed checkpoint, to be kept elsewhere", show_checkpoint)
      ->add_flag("--key", options.show_key, "Print the public key instead");
  auto* prove = add("prove", "Prove that what is said of a job is in the log that is signed for", prove_job);
  prove->add_option("--key", options.key_file, "The ledger's public key, kept outside")->type_name("FILE");
  prove->add_option("job", options.job, "The job")->required();
  add_outside(add("consistency", "Prove that the log only grew since a checkpoint", prove_consistency));
  auto* exported = add("export", "Print entries as JSON lines", export_evidence);
  exported->add_option("--job", options.job, "Of this job only");
  exported->add_flag("--statement", options.statement, "An in-toto statement in a DSSE envelope, signed by the ledger");
}

}  // namespace

void add_evidence_commands(CLI::App& app, Choice& choice) {
  auto& evidence = *app.add_subcommand("evidence", "Verify, prove, export and hold what is on the record");
  evidence.require_subcommand(1);
  add_evidence_file_commands(evidence, choice);
  const auto add = [&](const char* name, const char* what, int (*command)(const Session&, const HoldOptions&)) {
    auto& added = *evidence.add_subcommand(name, what);
    added.add_option("scope", choice.hold.scope, "all, or tenant/, actor/, tool/, profile/ and a name, or job/ID")
        ->required();
    add_json(added, choice);
    added.callback(
        [&choice, command] { choice.command = [&choice, command] { return command(choice.session, choice.hold); }; });
    return &added;
  };
  add("hold", "Keep retention from deleting what is said of a scope", hold_evidence)
      ->add_option("--reason", choice.hold.reason, "Why, in one line")
      ->required();
  add("release-hold", "Let retention go on", release_hold);
  auto& holds = *evidence.add_subcommand("holds", "What is held");
  add_json(holds, choice);
  holds.callback([&choice] { choice.command = [&choice] { return list_holds(choice.session); }; });
}

}  // namespace cordon::cli
