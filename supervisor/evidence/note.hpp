// Signed notes and checkpoints, as transparency-log tools read them. Ed25519 by libsodium. Pure, but for making a key.
// Source: C2SP signed-note (github.com/C2SP/C2SP/blob/main/signed-note.md), C2SP tlog-checkpoint; golang.org/x/mod/
// sumdb/note for the text forms of keys.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "profiles/sha256.hpp"

namespace cordon {

// "NAME+HASH+KEY": who signs, and how that is verified.
struct NoteVerifier {
  std::string name;
  std::array<std::uint8_t, 32> key{};

  std::uint32_t id() const;  // of name and key, as the specification says
  std::string text() const;
  static std::optional<NoteVerifier> parse(std::string_view text);  // nullopt also when HASH is another
  bool verify(std::string_view message, std::string_view signature) const;
};

class NoteSigner {
 public:
  static NoteSigner fresh(std::string name);                      // from the kernel's randomness
  static std::optional<NoteSigner> parse(std::string_view text);  // "PRIVATE+KEY+NAME+HASH+SEED"

  std::string text() const;  // secret
  const NoteVerifier& verifier() const { return verifier_; }
  std::string sign(std::string_view message) const;      // 64 octets
  std::string signed_note(std::string_view text) const;  // text ends in a newline

 private:
  NoteSigner(std::string name, const std::array<std::uint8_t, 32>& seed);
  std::array<std::uint8_t, 32> seed_;
  std::array<std::uint8_t, 64> secret_{};
  NoteVerifier verifier_;
};

// 1 to 128 octets of ASCII without spaces and '+'.
bool is_note_name(std::string_view name);

// Which tree its signer vouches for.
struct Checkpoint {
  std::string origin;  // the signer's name
  std::uint64_t size = 0;
  Sha256 root{};
  bool operator==(const Checkpoint&) const = default;
};
std::string checkpoint_text(const Checkpoint& checkpoint);
// Of the note, if this key has signed it; otherwise what is wrong with it.
tl::expected<Checkpoint, std::string> open_checkpoint(std::string_view note, const NoteVerifier& verifier);

}  // namespace cordon
