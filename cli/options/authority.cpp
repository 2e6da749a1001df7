// The options of commands about who may do what: approvals, grants, incidents.
#include <CLI/CLI.hpp>

#include "cli/options/options.hpp"

namespace cordon::cli {
namespace {

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
  // 0 would be understood as "not said": without an end, for as many as there are.
  command.add_option("--expires", grant.expires_s, "For so many seconds (1 hour, or as long as the parent)")
      ->check(CLI::PositiveNumber);
  command.add_option("--uses", grant.uses, "For so many jobs and calls")->check(CLI::PositiveNumber);
  add_json(command, choice);
}

}  // namespace

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

}  // namespace cordon::cli
