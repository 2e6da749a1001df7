// Under what a job acts: who asked for it, under which grant, with which approval, on data from where.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "supervisor/authority/approval.hpp"
#include "supervisor/authority/provenance.hpp"

namespace cordon {

struct Mandate {
  std::uint32_t uid = 0;
  std::string grant;  // the public name of one; empty: none
  Provenance data;    // of all that went in, and so of all that comes out
  std::optional<Approval> approval;

  bool is_held() const { return approval && approval->state == ApprovalState::waiting; }
};

// For the journal; with the digest of its own canonical form, so that a changed one is found.
std::string mandate_text(const Mandate& mandate);
// nullopt: it is not what mandate_text() wrote.
std::optional<Mandate> parse_mandate(const std::string& text);

}  // namespace cordon
