// cordon: the command line of Cordon, a client of its sockets and nothing more.
//
// Theory of operation. What stands before the first "--" is ours and CLI11 reads it; what follows is the job's argv and
// is passed on unread. Every command is one function of commands.hpp, its options stand in options/; it speaks HTTP
// over the instance's Unix socket (client.hpp). `run` submits without waiting, under an idempotency
// key, and then follows the job's event stream (follow.hpp): output is shown as it comes, a broken stream is taken up
// where it ended, a signal cancels the job and the command still ends with the job's own report. Bytes that a job wrote
// never reach a terminal raw (terminal.hpp). What fails is a Failure, caught here: one message, one remedy, exit code
// 125 for `run`, 1 otherwise.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>

#include "cli/describe.hpp"
#include "cli/exit_code.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/options/options.hpp"
#include "cli/terminal.hpp"

namespace cordon::cli {
namespace {

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
    const auto problem = Json::parse(failure.problem, nullptr, false);
    fmt::print("{}\n", problem.is_discarded() ? for_terminal(failure.problem) : json_text(problem, -1));
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
