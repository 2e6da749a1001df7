// What the launcher itself tells cordon-ledger of every job that it runs: two small records of fixed form, over a
// socket that takes them from root only. cordond has no part in it, and so cannot say otherwise unnoticed
// (docs/evidence.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "profiles/codec.hpp"
#include "profiles/limits.hpp"
#include "profiles/sha256.hpp"
#include "sandbox/report.hpp"

namespace cordon::witness {

// The sandbox is given the job, and nothing of it has run. `run` is one of a kind: a job may be given to several
// sandboxes, of which one runs it.
struct Started {
  std::uint64_t run = 0;
  std::string job, image;
  Sha256 profile{}, filter{};  // the profile's file; the loaded BPF
  Sha256 image_file{};         // of an imported image, as it was mounted; zeros: it is none
  Limits limits;
  bool operator==(const Started&) const = default;
};

// How that ended. `code`: an exit code, a signal, 0 wall or 1 cpu, an errno; by the kind of the ending.
struct Ended {
  std::uint64_t run = 0;
  std::string job;
  std::uint8_t ending = 0;  // of sandbox/report.hpp's Ending
  std::uint32_t code = 0;
  Usage usage;
  bool operator==(const Ended&) const = default;
};
Ended ended(std::uint64_t run, std::string job, const Finished& finished);
inline constexpr std::size_t endings = std::variant_size_v<Ending>;
std::string_view ending_name(std::uint8_t ending);

wire::Bytes encode(const Started& started);
wire::Bytes encode(const Ended& ended);
std::optional<Started> decode_started(std::string_view message);  // nullopt: not exactly one valid message
std::optional<Ended> decode_ended(std::string_view message);

// The answer to either: it is written. No answer: it is not, or nobody knows.
wire::Bytes encode_written(std::uint64_t run);
std::optional<std::uint64_t> decode_written(std::string_view message);

inline constexpr std::size_t max_witness_message = 1024;
// Beneath the runtime directory, in a directory of the ledger's user.
inline constexpr const char* socket_name = "/ledger/launcher.sock";

}  // namespace cordon::witness
