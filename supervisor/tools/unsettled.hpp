// Calls of which it is not known whether they have happened, and which must not happen twice. Pure; the journal keeps
// them (AmbiguousRow).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "supervisor/journal/job_rows.hpp"

namespace cordon {

class Unsettled {
 public:
  void add(AmbiguousRow row) { rows_.insert_or_assign(row.id, std::move(row)); }
  bool remove(const std::string& id) { return rows_.erase(id) > 0; }
  const AmbiguousRow* find(const std::string& id) const {
    const auto at = rows_.find(id);
    return at == rows_.end() ? nullptr : &at->second;
  }
  // The earlier one that is the same call: this actor's, of this tool, with this input.
  const AmbiguousRow* same(const std::string& actor, const std::string& tool, const Sha256& input) const {
    for (const auto& [id, row] : rows_)
      if (row.actor == actor && row.tool == tool && row.input == input) return &row;
    return nullptr;
  }
  const std::map<std::string, AmbiguousRow>& all() const { return rows_; }

 private:
  std::map<std::string, AmbiguousRow> rows_;  // by job
};

}  // namespace cordon
