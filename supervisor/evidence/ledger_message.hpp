// What cordond and cordon-ledger say to each other: bounded messages on a SEQPACKET socket that takes cordond only.
// Pure.
//
// cordond opens with a Hello and is answered with Welcome: what it said before and the ledger has. Then every Append is
// answered, in order, by Appended (which may answer several at once) or NotAppended.
//
// A connection that opens with Flows is cordon-egress's, to which cordond hands it (profiles/flow_record.hpp): each
// FlowToWrite is answered with EvidenceWritten, and nothing else may be said on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "profiles/sha256.hpp"
#include "supervisor/evidence/record.hpp"

namespace cordon {

struct Hello {
  std::uint64_t client = 0;  // one process of cordond's
  bool operator==(const Hello&) const = default;
};

struct Append {
  std::uint64_t number = 0;  // of that client, growing, from 1
  EvidenceRecord record;
};

// Signs an in-toto statement over these entries, which must all be of this job.
struct Attest {
  std::string job;
  std::vector<std::uint64_t> entries;
};

struct Flows {};

using ToLedger = std::variant<Hello, Append, Attest, Flows>;

struct Welcome {
  std::uint64_t last_number = 0;  // of this client's that is written
  std::uint64_t size = 0;         // of the tree
  Sha256 root{};
  std::string verifier;  // "NAME+HASH+KEY"
};

struct Appended {
  std::uint64_t number = 0, size = 0;
};

struct NotAppended {
  std::uint64_t number = 0;
  std::string step, object;
  std::int32_t error = 0;
  std::string remedy;
};

struct Attested {
  std::string envelope;  // DSSE, JSON; empty: `why` not
  std::string why;
};

using FromLedger = std::variant<Welcome, Appended, NotAppended, Attested>;

inline constexpr std::size_t max_ledger_message = std::size_t{64} * 1024;
inline constexpr const char* ledger_socket_name = "/ledger/cordond.sock";  // beneath the runtime directory

std::string encode(const ToLedger& message);
std::string encode(const FromLedger& message);
std::optional<ToLedger> decode_to_ledger(std::string_view message);  // nullopt: not exactly one valid message
std::optional<FromLedger> decode_from_ledger(std::string_view message);

}  // namespace cordon
