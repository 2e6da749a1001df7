// The options of the commands by which operators stop things and look at the host.
#include <CLI/CLI.hpp>

#include "cli/options/options.hpp"

namespace cordon::cli {
namespace {

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

}  // namespace

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
  from.add_option("--most-entries", choice.image.most_entries, "Refuse what has more files, directories and links")
      ->capture_default_str();
  named(add("check", "Say whether its file is what was imported", check_image));
  named(add("remove", "Delete it", remove_image));
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

}  // namespace cordon::cli
