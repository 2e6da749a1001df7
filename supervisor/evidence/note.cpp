#include "supervisor/evidence/note.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <charconv>

#include "supervisor/text/base64.hpp"

namespace cordon {
namespace {

constexpr char ed25519 = 0x01;  // the signature type of C2SP signed-note
constexpr std::string_view dash = "\xe2\x80\x94 ";
constexpr std::string_view private_mark = "PRIVATE+KEY+";

std::string_view octets(const std::array<std::uint8_t, 32>& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

std::string big_endian(std::uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}

// NAME+HASH+BASE64 of the type and 32 octets.
struct KeyText {
  std::string name;
  std::uint32_t id = 0;
  std::array<std::uint8_t, 32> key{};
};

std::optional<KeyText> parse_key(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const auto first = text.find('+');
  const auto second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos || second - first != 9) return std::nullopt;
  KeyText out;
  out.name = text.substr(0, first);
  const auto id = text.substr(first + 1, 8);
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), out.id, 16);
  const auto key = decode_base64(text.substr(second + 1));
  if (error != std::errc() || end != id.data() + id.size() || !key || key->size() != 33 || key->front() != ed25519)
    return std::nullopt;
  std::copy(key->begin() + 1, key->end(), out.key.begin());
  if (!is_note_name(out.name)) return std::nullopt;
  return out;
}

std::string key_text(const std::string& name, std::uint32_t id, const std::array<std::uint8_t, 32>& key) {
  return fmt::format("{}+{:08x}+{}", name, id, base64(std::string(1, ed25519).append(octets(key))));
}

std::optional<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  return value;
}

// The line up to the newline, which is taken off too; nullopt: there is no whole line.
std::optional<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

tl::expected<Checkpoint, std::string> parse_checkpoint(std::string_view text) {
  const auto origin = take_line(text), size = take_line(text), root = take_line(text);
  if (!root) return tl::unexpected(std::string("it has fewer than three lines"));
  const auto number = decimal(*size);
  const auto hash = decode_base64(*root);
  if (origin->empty() || !number || !hash || hash->size() != sizeof(Sha256))
    return tl::unexpected(std::string("it is no checkpoint: origin, size and root in base64 are wanted"));
  Checkpoint out{std::string(*origin), *number, {}};
  std::copy(hash->begin(), hash->end(), out.root.begin());
  return out;
}

}  // namespace

bool is_note_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '+'; });
}

std::uint32_t NoteVerifier::id() const {
  const auto digest = sha256(name + "\n" + std::string(1, ed25519).append(octets(key)));
  return std::uint32_t{digest[0]} << 24 | std::uint32_t{digest[1]} << 16 | std::uint32_t{digest[2]} << 8 | digest[3];
}

std::string NoteVerifier::text() const {
  return key_text(name, id(), key);
}

std::optional<NoteVerifier> NoteVerifier::parse(std::string_view text) {
  auto parsed = parse_key(text);
  if (!parsed) return std::nullopt;
  NoteVerifier verifier{std::move(parsed->name), parsed->key};
  if (verifier.id() != parsed->id) return std::nullopt;
  return verifier;
}

bool NoteVerifier::verify(std::string_view message, std::string_view signature) const {
  return signature.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(reinterpret_cast<const unsigned char*>(signature.data()),
                                     reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                                     key.data()) == 0;
}

NoteSigner::NoteSigner(std::string name, const std::array<std::uint8_t, 32>& seed) : seed_(seed) {
  verifier_.name = std::move(name);
  crypto_sign_seed_keypair(verifier_.key.data(), secret_.data(), seed_.data());
}

NoteSigner NoteSigner::fresh(std::string name) {
  std::array<std::uint8_t, 32> seed{};
  randombytes_buf(seed.data(), seed.size());
  return {std::move(name), seed};
}

std::optional<NoteSigner> NoteSigner::parse(std::string_view text) {
  if (!text.starts_with(private_mark)) return std::nullopt;
  auto parsed = parse_key(text.substr(private_mark.size()));
  if (!parsed) return std::nullopt;
  NoteSigner signer(std::move(parsed->name), parsed->key);
  if (signer.verifier().id() != parsed->id) return std::nullopt;
  return signer;
}

std::string NoteSigner::text() const {
  return std::string(private_mark) + key_text(verifier_.name, verifier_.id(), seed_);
}

std::string NoteSigner::sign(std::string_view message) const {
  std::string signature(crypto_sign_BYTES, '\0');
  crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr,
                       reinterpret_cast<const unsigned char*>(message.data()), message.size(), secret_.data());
  return signature;
}

std::string NoteSigner::signed_note(std::string_view text) const {
  std::string note(text);
  note.append("\n").append(dash).append(verifier_.name).append(" ");
  return note.append(base64(big_endian(verifier_.id()) + sign(text))).append("\n");
}

std::string checkpoint_text(const Checkpoint& checkpoint) {
  const std::string_view root(reinterpret_cast<const char*>(checkpoint.root.data()), checkpoint.root.size());
  return fmt::format("{}\n{}\n{}\n", checkpoint.origin, checkpoint.size, base64(root));
}

tl::expected<Checkpoint, std::string> open_checkpoint(std::string_view note, const NoteVerifier& verifier) {
  const auto gap = note.rfind("\n\n");
  if (gap == std::string_view::npos || note.back() != '\n') return tl::unexpected(std::string("it is no signed note"));
  const auto text = note.substr(0, gap + 1);
  auto signatures = note.substr(gap + 2);
  const auto wanted = std::string(dash) + verifier.name + " ";
  while (const auto line = take_line(signatures)) {
    if (!line->starts_with(dash)) return tl::unexpected(std::string("a line behind its text is no signature"));
    if (!line->starts_with(wanted)) continue;  // somebody else's: a witness may sign too
    const auto bytes = decode_base64(line->substr(wanted.size()));
    if (!bytes || bytes->size() < 4 || !bytes->starts_with(big_endian(verifier.id()))) continue;
    if (!verifier.verify(text, std::string_view(*bytes).substr(4)))
      return tl::unexpected("its signature is not of " + verifier.name);
    auto checkpoint = parse_checkpoint(text);
    if (checkpoint && checkpoint->origin != verifier.name) return tl::unexpected(std::string("it is of another log"));
    return checkpoint;
  }
  return tl::unexpected("it is not signed by " + verifier.name);
}

}  // namespace cordon
