// What opens every message on a lifeline: magic, version, kind.
#pragma once

#include "profiles/codec.hpp"

namespace cordon::wire {

inline constexpr std::uint32_t magic = 0x4e445243;  // "CRDN"
inline constexpr std::uint16_t version = 5;

enum class Kind : std::uint16_t { hello = 1, job = 2, prepared = 3, started = 4, finished = 5, ready = 6, prepare = 7 };

inline void write_header(Writer& w, Kind kind) {
  w.u32(magic);
  w.u16(version);
  w.u16(static_cast<std::uint16_t>(kind));
}

// The kind, or nothing when this is not a message of this version.
inline std::uint16_t read_header(Reader& r) {
  if (r.u32() != magic || r.u16() != version) return r.bad(), std::uint16_t{0};
  return r.u16();
}

}  // namespace cordon::wire
