// What the command line can say, as CLI11 reads it: each function adds commands, and what is chosen ends up in a
// Choice.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/commands.hpp"

namespace CLI {
class App;
}

namespace cordon::cli {

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

void add_json(CLI::App& command, Choice& choice);
// An option that may come several times.
void add_list(CLI::App& command, const char* name, std::vector<std::string>& into, const char* what, const char* form);

void add_run(CLI::App& app, Choice& choice);
void add_job_commands(CLI::App& app, Choice& choice);
void add_profile_commands(CLI::App& app, Choice& choice);
void add_kill_commands(CLI::App& app, Choice& choice);
void add_events(CLI::App& app, Choice& choice);
void add_breaker_commands(CLI::App& app, Choice& choice);
void add_doctor(CLI::App& app, Choice& choice);
void add_image_commands(CLI::App& app, Choice& choice);
void add_egress_commands(CLI::App& app, Choice& choice);
void add_approval_commands(CLI::App& app, Choice& choice);
void add_grant_commands(CLI::App& app, Choice& choice);
void add_context_commands(CLI::App& app, Choice& choice);
void add_incident_commands(CLI::App& app, Choice& choice);
void add_tool_commands(CLI::App& app, Choice& choice);
void add_call_commands(CLI::App& app, Choice& choice);
void add_evidence_commands(CLI::App& app, Choice& choice);

}  // namespace cordon::cli
