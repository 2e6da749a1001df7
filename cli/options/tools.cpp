// The options of commands about tools and calls of them.
#include <CLI/CLI.hpp>

#include "cli/options/options.hpp"

namespace cordon::cli {

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

}  // namespace cordon::cli
