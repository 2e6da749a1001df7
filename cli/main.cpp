// cordon: the command line of Cordon, a client of its sockets and nothing more.
//
// Theory of operation. What stands before the first "--" is ours and CLI11 reads it; what follows is the job's argv and
// is passed on unread. Every command is one function of commands.hpp; it speaks HTTP over the instance's Unix socket
// through libcurl (client.hpp). `run` submits without waiting, under an idempotency key, and then follows the job's
// event stream (follow.hpp): output is shown as it comes, a broken stream is taken up where it ended, a signal cancels
// the job and the command still ends with the job's own report. Bytes that a job wrote never reach a terminal raw
// (terminal.hpp). What fails is a Failure, caught here: one message, one remedy, exit code 125 for `run`, 1 otherwise.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "cli/commands.hpp"
#include "cli/describe.hpp"
#include "cli/exit_code.hpp"
#include "cli/failure.hpp"

namespace cordon::cli {
namespace {

struct Choice {
  Session session;
  RunOptions run;
  ListOptions list;
  LogsOptions logs;
  KillOptions kill;
  bool kill_list = false, kill_drill = false;
  EventsOptions events;
  DoctorOptions doctor;
  ImageOptions image;
  bool has_hook = false;
  ApproveOptions approve;
  GrantOptions grant;
  bool kill_too = false;
  EgressQuestion egress;
  std::string id, profile, file, reason, scope, task, tool, digest, as;
  CallOptions call;
  EvidenceOptions evidence;
  HoldOptions hold;
  std::function<int()> command;
};

void add_json(CLI::App& command, Choice& choice) {
  command.add_flag("--json", choice.session.json, "Answer in JSON, for programs");
}

void add_list(CLI::App& command, const char* name, std::vector<std::string>& into, const char* what, const char* form) {
  command.add_option(name, into, what)->type_name(form)->allow_extra_args(false);
}

void add_run(CLI::App& app, Choice& choice) {
  auto& run = *app.add_subcommand("run", "Run a command in a fresh sandbox: cordon run [options] -- COMMAND…");
  auto& wish = choice.run.wish;
  run.add_option("-p,--profile", wish.profile, "What the job may do (`cordon profile list`)");
  run.add_option("--image", wish.image, "The file system it sees");
  add_list(run, "-l,--limit", wish.limits, "Lower a limit: memory_bytes=256Mi, wall_ms=10s, pids=32", "NAME=VALUE");
  add_list(run, "-f,--file", wish.files, "Put a file into its workspace", "SRC[:DEST]");
  add_list(run, "-c,--collect", wish.collect, "Keep the files that match as artifacts", "GLOB");
  add_list(run, "-e,--env", wish.env, "Set an environment variable, or pass on ours", "NAME[=VALUE]");
  run.add_option("--grant-file", choice.run.grant_file, "Under the grant whose secret is in it; without, CORDON_GRANT")
      ->type_name("FILE");
  add_list(run, "--label", wish.labels, "Label the job", "NAME=VALUE");
  run.add_option("-w,--cwd", wish.cwd, "Where it starts, relative to /work");
  run.add_flag("-i,--stdin", wish.stdin_too, "Send our standard input to it, read to its end first");
  run.add_option("--on-output-limit", wish.on_output_limit, "What happens at output_bytes: truncate or kill");
  run.add_option("-o,--output", choice.run.output_directory, "Save its artifacts beneath this directory");
  run.add_option("--idempotency-key", choice.run.idempotency_key, "The same key and job answer with the same run");
  run.add_flag("--timings", wish.timings, "Ask for the time of each phase in the report");
  run.add_flag("--report", choice.run.report, "Say at the end how it went, on standard error");
  run.add_flag("--raw", choice.run.raw, "Let its bytes reach a terminal as they are");
  run.add_flag("-d,--detach", choice.run.detach, "Print the job's id and leave it running");
  add_json(run, choice);
  run.callback([&choice] { choice.command = [&choice] { return run_job(choice.session, choice.run); }; });
}

void add_job_commands(CLI::App& app, Choice& choice) {
  auto& ps = *app.add_subcommand("ps", "List jobs");
  ps.add_flag("-a,--all", choice.list.all, "Finished ones too");
  ps.add_flag("--network", choice.list.network, "What they connect to: allowed and denied");
  ps.add_option("-n,--last", choice.list.last, "At most so many")->capture_default_str();
  add_json(ps, choice);
  ps.callback([&choice] { choice.command = [&choice] { return list_jobs(choice.session, choice.list); }; });

  auto& logs = *app.add_subcommand("logs", "Print what a job wrote");
  logs.add_flag("-f,--follow", choice.logs.follow, "Go on until it ends");
  logs.add_flag("--raw", choice.logs.raw, "Let its bytes reach a terminal as they are");
  logs.add_option("id", choice.logs.id, "The job")->required();
  logs.callback([&choice] { choice.command = [&choice] { return show_logs(choice.session, choice.logs); }; });

  auto& show = *app.add_subcommand("show", "Say how a job went; --json is its full report");
  show.add_option("id", choice.id, "The job")->required();
  add_json(show, choice);
  show.callback([&choice] { choice.command = [&choice] { return show_job(choice.session, choice.id); }; });

  auto& cancel = *app.add_subcommand("cancel", "End a job; returns when its sandbox is gone");
  cancel.add_option("id", choice.id, "The job")->required();
  add_json(cancel, choice);
  cancel.callback([&choice] { choice.command = [&choice] { return cancel_job(choice.session, choice.id); }; });
}

void add_scopes(CLI::App& command, Choice& choice) {
  command.add_flag("--all", choice.kill.all, "Everything");
  command.add_option("--tenant", choice.kill.tenant, "A tenant's jobs");
  command.add_option("--actor", choice.kill.actor, "An actor's jobs, for instance uid:1000");
  command.add_option("--tool", choice.kill.tool, "The calls of a tool");
  command.add_option("--profile", choice.kill.profile, "The jobs under a profile");
  command.add_option("--job", choice.kill.job, "One job");
  add_json(command, choice);
}

int run_kill(const Choice& choice) {
  if (choice.kill_list) return list_kills(choice.session);
  if (choice.kill_drill)
    return drill_kill(choice.session, choice.kill.profile.empty() ? "default" : choice.kill.profile);
  return kill_scope(choice.session, choice.kill);
}

void add_kill_commands(CLI::App& app, Choice& choice) {
  auto& kill = *app.add_subcommand("kill", "End what runs in a scope and let nothing in, until it is released");
  add_scopes(kill, choice);
  kill.add_option("--reason", choice.kill.reason, "Why, in one line");
  auto* list = kill.add_flag("--list", choice.kill_list, "Say what is engaged");
  kill.add_flag("--drill", choice.kill_drill, "Prove that it works, on canaries of its own (--profile: theirs)")
      ->excludes(list);
  kill.callback([&choice] { choice.command = [&choice] { return run_kill(choice); }; });
  auto& release = *app.add_subcommand("release", "Let jobs of a scope in again");
  add_scopes(release, choice);
  release.callback([&choice] { choice.command = [&choice] { return release_scope(choice.session, choice.kill); }; });
}

void add_events(CLI::App& app, Choice& choice) {
  auto& events = *app.add_subcommand("events", "What operators should know: cordon events [options] [--exec -- HOOK…]");
  auto& options = choice.events;
  events.add_flag("-f,--follow", options.follow, "Go on with what happens from now on");
  events.add_option("--since", options.since, "Only those behind this one")->type_name("ID");
  events.add_option("--resume", options.resume_file, "Begin where the last run with this file ended")
      ->type_name("FILE");
  events.add_flag("--exec", choice.has_hook, "For each, run the program behind -- with its JSON on standard input");
  events.add_option("--timeout", options.timeout_s, "How many seconds one run of the hook may take")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  add_json(events, choice);
  events.callback([&choice] { choice.command = [&choice] { return watch_events(choice.session, choice.events); }; });
}

void add_profile_commands(CLI::App& app, Choice& choice) {
  auto& profile = *app.add_subcommand("profile", "Look at profiles: what jobs may do, and why");
  profile.require_subcommand(1);
  auto& list = *profile.add_subcommand("list", "The profiles of this instance");
  add_json(list, choice);
  list.callback([&choice] { choice.command = [&choice] { return list_profiles(choice.session); }; });
  auto& show = *profile.add_subcommand("show", "One profile in full");
  show.add_option("name", choice.profile, "Its name")->required();
  add_json(show, choice);
  show.callback([&choice] { choice.command = [&choice] { return show_profile(choice.session, choice.profile); }; });
  auto& check = *profile.add_subcommand("check", "Check a profile file; needs no running Cordon");
  check.add_option("file", choice.file, "NAME.json; its seccomp file stands beside it")->required();
  add_json(check, choice);
  check.callback([&choice] { choice.command = [&choice] { return check_profile(choice.session, choice.file); }; });

  auto& info = *app.add_subcommand("info", "Version, features and limits of this instance");
  add_json(info, choice);
  info.callback([&choice] { choice.command = [&choice] { return show_info(choice.session); }; });

  auto& reload = *app.add_subcommand("reload", "Take configuration and profiles into force anew, all or nothing");
  add_json(reload, choice);
  reload.callback([&choice] { choice.command = [&choice] { return reload_instance(choice.session); }; });
}

void add_doctor(CLI::App& app, Choice& choice) {
  auto& doctor = *app.add_subcommand("doctor", "Say what this host and installation lack, and what mends it");
  doctor.add_flag("!--no-canary", choice.doctor.canary, "Run no job");
  doctor.add_option("--config", choice.doctor.config_file, "The instance's configuration")->capture_default_str();
  doctor.add_option("--state-dir", choice.doctor.state_dir, "Where it keeps its state")->capture_default_str();
  add_json(doctor, choice);
  doctor.callback([&choice] { choice.command = [&choice] { return examine(choice.session, choice.doctor); }; });
}

void add_image_commands(CLI::App& app, Choice& choice) {
  auto& image = *app.add_subcommand("image", "Import and look after the file systems that jobs see");
  image.require_subcommand(1);
  const auto add = [&](const char* name, const char* what, int (*command)(const Session&, const ImageOptions&)) {
    auto& added = *image.add_subcommand(name, what);
    added.add_option("--store", choice.image.store, "Where images are kept")->capture_default_str();
    add_json(added, choice);
    added.callback(
        [&choice, command] { choice.command = [&choice, command] { return command(choice.session, choice.image); }; });
    return &added;
  };
  const auto named = [&](CLI::App* command) {
    command->add_option("name", choice.image.name, "The image")->required();
    return command;
  };
  add("list", "Those that were imported", list_images);
  auto& from = *named(add("import", "Make one from an OCI layout or archive, or a root file system", import_image));
  from.add_option("source", choice.image.source, "A directory or a tar archive")->required();
  from.add_option("--most-bytes", choice.image.most_bytes, "Refuse what is larger when unpacked")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  named(add("check", "Say whether its file is what was imported", check_image));
  named(add("remove", "Delete it", remove_image));
}

void add_approval_commands(CLI::App& app, Choice& choice) {
  auto& list = *app.add_subcommand("approvals", "What waits for approval, in full");
  list.add_option("id", choice.id, "One job; without it, all");
  add_json(list, choice);
  list.callback([&choice] { choice.command = [&choice] { return list_approvals(choice.session, choice.id); }; });
  auto& approve = *app.add_subcommand("approve", "Let a job that waits go on: this action, once");
  approve.add_option("id", choice.approve.id, "The job")->required();
  approve.add_option("--binding", choice.approve.binding, "The digest that was shown; any other is refused");
  add_json(approve, choice);
  approve.callback([&choice] { choice.command = [&choice] { return approve_job(choice.session, choice.approve); }; });
  auto& deny = *app.add_subcommand("deny", "End a job that waits");
  deny.add_option("id", choice.id, "The job")->required();
  deny.add_option("--reason", choice.reason, "Why, in one line");
  add_json(deny, choice);
  deny.callback(
      [&choice] { choice.command = [&choice] { return deny_job(choice.session, choice.id, choice.reason); }; });
}

void add_terms(CLI::App& command, Choice& choice) {
  auto& grant = choice.grant;
  command.add_option("--uid", grant.uid, "Whose it is");
  command.add_option("--actor", grant.actor, "Only as this actor");
  command.add_option("--tenant", grant.tenant, "Only of this tenant");
  command.add_option("--task", grant.task, "What for");
  add_list(command, "--tool", grant.tools, "Only with these tools", "NAME");
  add_list(command, "--profile", grant.profiles, "Only under these profiles", "NAME");
  add_list(command, "--action", grant.actions, "Only such side effects: read_only, reversible, external, …", "CLASS");
  add_list(command, "--resource", grant.resources, "Only on these; a trailing * is any end", "PATTERN");
  add_list(command, "--data-class", grant.data_classes, "Only with such data", "CLASS");
  command.add_option("--expires", grant.expires_s, "For so many seconds (1 hour, or as long as the parent)");
  command.add_option("--uses", grant.uses, "For so many jobs and calls");
  add_json(command, choice);
}

void add_grant_commands(CLI::App& app, Choice& choice) {
  auto& grant = *app.add_subcommand("grant", "What somebody may do for a while");
  grant.require_subcommand(1);
  auto& create = *grant.add_subcommand("create", "Make one, as an operator; prints its secret");
  add_terms(create, choice);
  create.callback([&choice] { choice.command = [&choice] { return create_grant(choice.session, choice.grant); }; });
  auto& narrow = *grant.add_subcommand("narrow", "Make a narrower one from one that you hold; prints its secret");
  add_terms(narrow, choice);
  narrow.add_option("--grant-file", choice.grant.secret_file, "Its secret; without, CORDON_GRANT")->type_name("FILE");
  narrow.callback([&choice] { choice.command = [&choice] { return narrow_grant(choice.session, choice.grant); }; });
  auto& list = *grant.add_subcommand("list", "All, or yours");
  add_json(list, choice);
  list.callback([&choice] { choice.command = [&choice] { return list_grants(choice.session); }; });
  auto& show = *grant.add_subcommand("show", "One in full, but for its secret");
  show.add_option("name", choice.id, "Its name")->required();
  add_json(show, choice);
  show.callback([&choice] { choice.command = [&choice] { return show_grant(choice.session, choice.id); }; });
  auto& revoke = *grant.add_subcommand("revoke", "End it, and all that were made from it, at once");
  revoke.add_option("name", choice.id, "Its name")->required();
  revoke.add_flag("--kill", choice.kill_too, "And what runs under it");
  add_json(revoke, choice);
  revoke.callback(
      [&choice] { choice.command = [&choice] { return revoke_grant(choice.session, choice.id, choice.kill_too); }; });
}

void add_context_commands(CLI::App& app, Choice& choice) {
  auto& context = *app.add_subcommand("context", "What each actor may have read so far");
  context.require_subcommand(1);
  auto& list = *context.add_subcommand("list", "All of them");
  add_json(list, choice);
  list.callback([&choice] { choice.command = [&choice] { return list_contexts(choice.session); }; });
  auto& clear = *context.add_subcommand("clear", "It has forgotten: a new session of the agent");
  clear.add_option("actor", choice.id, "The actor")->required();
  clear.add_option("--task", choice.task, "Of its grants' task");
  clear.callback(
      [&choice] { choice.command = [&choice] { return clear_context(choice.session, choice.id, choice.task); }; });
}

void add_incident_commands(CLI::App& app, Choice& choice) {
  auto& incident = *app.add_subcommand("incident", "Stop a scope in every way there is");
  incident.require_subcommand(1);
  auto& open = *incident.add_subcommand("open", "Kill, revoke its grants, tell operators; prints the receipt");
  open.add_option("--scope", choice.scope, "all, tenant/NAME, actor/NAME, tool/NAME, profile/NAME or job/ID")
      ->required();
  open.add_option("--reason", choice.reason, "Why, in one line");
  add_json(open, choice);
  open.callback(
      [&choice] { choice.command = [&choice] { return open_incident(choice.session, choice.scope, choice.reason); }; });
  auto& governance =
      *app.add_subcommand("governance", "Who answers for what, which controls there are, and which are on trial");
  add_json(governance, choice);
  governance.callback([&choice] { choice.command = [&choice] { return show_governance(choice.session); }; });
}

void add_breaker_commands(CLI::App& app, Choice& choice) {
  auto& breaker = *app.add_subcommand("breaker", "Look at circuits that stopped a loop, and close them");
  breaker.require_subcommand(1);
  auto& list = *breaker.add_subcommand("list", "Those that are open");
  add_json(list, choice);
  list.callback([&choice] { choice.command = [&choice] { return list_breakers(choice.session); }; });
  auto& reset = *breaker.add_subcommand("reset", "Close all of one actor");
  reset.add_option("actor", choice.id, "The actor")->required();
  add_json(reset, choice);
  reset.callback([&choice] { choice.command = [&choice] { return reset_breaker(choice.session, choice.id); }; });
}

void add_egress_commands(CLI::App& app, Choice& choice) {
  auto& egress = *app.add_subcommand("egress", "Look at what jobs may connect to");
  egress.require_subcommand(1);
  auto& check = *egress.add_subcommand("check", "Say what would be decided, and by which grant; exits 1 when denied");
  check.add_option("profile", choice.egress.profile, "The profile of the job")->required();
  check.add_option("name", choice.egress.target, "A host's name, or an IPv4 address")->required();
  check.add_option("port", choice.egress.port, "The port")->required()->check(CLI::Range(1, 65535));
  add_json(check, choice);
  check.callback([&choice] { choice.command = [&choice] { return check_egress(choice.session, choice.egress); }; });
}

void add_tool_commands(CLI::App& app, Choice& choice) {
  auto& tool = *app.add_subcommand("tool", "Look at tools, and decide which may be called");
  tool.require_subcommand(1);
  const auto add = [&](const char* name, const char* what, bool named, auto run) -> CLI::App& {
    auto& command = *tool.add_subcommand(name, what);
    if (named) command.add_option("name", choice.tool, "The tool")->required();
    add_json(command, choice);
    command.callback([&choice, run] { choice.command = [&choice, run] { return run(choice); }; });
    return command;
  };
  add("list", "The tools of this instance", false, [](Choice& c) { return list_tools(c.session); });
  add("show", "One tool in full", true, [](Choice& c) { return show_tool(c.session, c.tool); });
  add("health", "Run its own check", true, [](Choice& c) { return check_tool_health(c.session, c.tool); });
  auto& check = add("check", "Check a definition and its script; needs no running Cordon", false,
                    [](Choice& c) { return check_tool(c.session, c.file); });
  check.add_option("file", choice.file, "NAME.json")->required();
  auto& approve =
      add("approve", "Take it as it is now", true, [](Choice& c) { return approve_tool(c.session, c.tool, c.digest); });
  approve.add_option("sha256", choice.digest, "What it is now, as `cordon tool show` says")->required();
  auto& disable = add("disable", "Refuse its calls until it is enabled", true,
                      [](Choice& c) { return disable_tool(c.session, c.tool, c.kill.reason); });
  disable.add_option("--reason", choice.kill.reason, "Why, in one line")->required();
  add("enable", "Let it be called again", true, [](Choice& c) { return enable_tool(c.session, c.tool); });
}

void add_call_commands(CLI::App& app, Choice& choice) {
  auto& call = *app.add_subcommand("call", "Call a tool: cordon call TOOL INPUT");
  auto& options = choice.call;
  call.add_option("tool", options.tool, "The tool (`cordon tool list`)")->required();
  call.add_option("input", options.input, "Its input, a JSON object; -: from standard input")->required();
  call.add_flag("-n,--dry-run", options.dry_run, "Say what would be run and what is decided about it; run nothing");
  call.add_option("--grant", options.grant, "The grant that allows it");
  call.add_option("--idempotency-key", options.idempotency_key, "The same key and call answer with the same run");
  add_list(call, "-l,--limit", options.limits, "Lower a limit: memory_bytes=256Mi, wall_ms=10s, pids=32", "NAME=VALUE");
  add_list(call, "-f,--file", options.files, "Give it a file", "SRC[:DEST]");
  add_list(call, "--label", options.labels, "Label the job", "NAME=VALUE");
  add_json(call, choice);
  call.callback([&choice] { choice.command = [&choice] { return call_tool(choice.session, choice.call); }; });

  auto& settle = *app.add_subcommand("settle", "Say whether a call happened of which that is not known");
  settle.add_option("id", choice.id, "The job")->required();
  settle.add_option("--as", choice.as, "happened or did_not_happen")->required();
  add_json(settle, choice);
  settle.callback(
      [&choice] { choice.command = [&choice] { return settle_job(choice.session, choice.id, choice.as); }; });

  auto& compensate =
      *app.add_subcommand("compensate", "Undo a call as its tool declares, once another person approves");
  compensate.add_option("id", choice.id, "The job")->required();
  add_json(compensate, choice);
  compensate.callback([&choice] { choice.command = [&choice] { return compensate_job(choice.session, choice.id); }; });
}

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

void print_description(const CLI::App& app) {
  fmt::print("{}\n", description_of(app).dump(1));
  throw CLI::Success();
}

void describe(CLI::App& app, Choice& choice) {
  app.set_version_flag("--version", "cordon " CORDON_VERSION);
  app.add_flag_callback(
         "--describe", [&app] { print_description(app); }, "The command line as JSON")
      ->group("");  // for packaging/reference
  app.require_subcommand(1);
  app.add_option("--runtime-dir", choice.session.runtime_dir, "The instance's sockets")
      ->envname("CORDON_RUNTIME_DIR")
      ->capture_default_str();
  app.add_flag("--operator", choice.session.as_operator, "Submit through operator.sock");
  app.fallthrough();
  add_run(app, choice);
  add_job_commands(app, choice);
  add_kill_commands(app, choice);
  add_events(app, choice);
  add_profile_commands(app, choice);
  add_approval_commands(app, choice);
  add_grant_commands(app, choice);
  add_context_commands(app, choice);
  add_incident_commands(app, choice);
  add_egress_commands(app, choice);
  add_breaker_commands(app, choice);
  add_tool_commands(app, choice);
  add_call_commands(app, choice);
  add_evidence_commands(app, choice);
  add_doctor(app, choice);
  add_image_commands(app, choice);
}

int report(const Failure& failure, const Choice& choice, int exit_code) {
  if (choice.session.json && !failure.problem.empty()) {
    fmt::print("{}\n", failure.problem);
  } else {
    fmt::print(stderr, "cordon: {}\n", failure.what());
    if (!failure.remedy.empty()) fmt::print(stderr, "  {}\n", failure.remedy);
  }
  return exit_code;
}

// What stands behind the first "--".
void take_argv(CLI::App& app, Choice& choice, char** words, char** end) {
  if (app.got_subcommand("run")) {
    choice.run.wish.argv.assign(words, end);
    if (words == end) throw Failure("run: no command", "cordon run [options] -- COMMAND [ARGUMENT…]");
  } else if (choice.has_hook) {
    choice.events.hook.assign(words, end);
    if (words == end) throw Failure("events: no hook", "cordon events --exec -- HOOK [ARGUMENT…]");
  } else if (words != end) {
    throw Failure("only `run` and `events --exec` take a command after --");
  }
}

int run_command_line(int argc, char** argv) {
  char** const end = argv + argc;
  char** const dashes = std::find_if(argv, end, [](const char* word) { return std::string_view(word) == "--"; });
  Choice choice;
  CLI::App app{"Run commands in sandboxes that can be trusted to end", "cordon"};
  describe(app, choice);
  int failure_code = 1;
  try {
    app.parse(static_cast<int>(dashes - argv), argv);
    if (app.got_subcommand("run") || app.got_subcommand("call")) failure_code = exit_cordon_failed;
    take_argv(app, choice, dashes == end ? end : dashes + 1, end);
    return choice.command();
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : (app.got_subcommand("run") ? exit_cordon_failed : 1);
  } catch (const Failure& failure) {
    return report(failure, choice, failure_code);
  } catch (const nlohmann::json::exception& error) {
    return report(Failure(fmt::format("Cordon's answer is not understood: {}", error.what())), choice, failure_code);
  }
}

}  // namespace
}  // namespace cordon::cli

int main(int argc, char** argv) {
  return cordon::cli::run_command_line(argc, argv);
}
