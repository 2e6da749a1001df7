// The options of commands about jobs, and of what an instance offers.
#include <CLI/CLI.hpp>

#include "cli/options/options.hpp"

namespace cordon::cli {

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

}  // namespace cordon::cli
