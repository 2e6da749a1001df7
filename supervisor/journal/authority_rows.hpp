// Mandates, grants and contexts in the journal: every statement that reads or writes them. Used on the journal's
// threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supervisor/journal/job_rows.hpp"

namespace cordon {

void receive_mandate(JobRows& rows, std::int64_t n, const std::string& mandate);
// `approval`: in the words of ApprovalState.
void update_mandate(JobRows& rows, const std::string& job, const std::string& mandate, std::string_view approval);
// A granted approval is used up. False: it is not there, or was used before; then nothing may start.
bool consume_approval(JobRows& rows, const std::string& job);

struct GrantRow {
  std::string name;   // hex digits of the secret's digest
  std::string terms;  // JSON
  std::int64_t used = 0;
  std::optional<std::string> revoked;  // by whom
};
void save_grant(JobRows& rows, const GrantRow& row);
// One use more of each.
void count_uses(JobRows& rows, const std::vector<std::pair<std::string, std::uint64_t>>& uses);
void forget_grants(JobRows& rows, const std::vector<std::string>& names);
std::vector<GrantRow> load_grants(JobRows& rows);

struct ContextRow {
  std::string actor, task, data;
};
void save_context(JobRows& rows, const ContextRow& row);
void forget_context(JobRows& rows, const std::string& actor, const std::string& task);
std::vector<ContextRow> load_contexts(JobRows& rows);

}  // namespace cordon
