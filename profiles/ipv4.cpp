#include "profiles/ipv4.hpp"

namespace cordon {
namespace {

// A decimal number of one to three digits without a leading zero, taken off the front.
std::optional<std::uint32_t> take_number(std::string_view& text, std::uint32_t most) {
  std::size_t digits = 0;
  std::uint32_t value = 0;
  while (digits < text.size() && digits < 3 && text[digits] >= '0' && text[digits] <= '9')
    value = value * 10 + static_cast<std::uint32_t>(text[digits++] - '0');
  if (digits == 0 || (digits > 1 && text[0] == '0') || value > most) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Ipv4> take_address(std::string_view& text) {
  Ipv4 address = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && !take(text, '.')) return std::nullopt;
    const auto number = take_number(text, 255);
    if (!number) return std::nullopt;
    address = address << 8 | *number;
  }
  return address;
}

}  // namespace

std::optional<Ipv4> parse_ipv4(std::string_view text) {
  const auto address = take_address(text);
  return text.empty() ? address : std::nullopt;
}

std::optional<Ipv4Network> parse_ipv4_network(std::string_view text) {
  const auto address = take_address(text);
  if (!address) return std::nullopt;
  if (text.empty()) return Ipv4Network{*address, 32};
  if (!take(text, '/')) return std::nullopt;
  const auto prefix = take_number(text, 32);
  if (!prefix || !text.empty()) return std::nullopt;
  const auto bits = static_cast<std::uint8_t>(*prefix);
  if ((*address & ~mask_of(bits)) != 0) return std::nullopt;
  return Ipv4Network{*address, bits};
}

std::string to_text(Ipv4 address) {
  std::string out;
  for (unsigned shift = 32; shift > 0;) {
    shift -= 8;
    out += std::to_string(address >> shift & 255);
    if (shift > 0) out += '.';
  }
  return out;
}

std::string to_text(Ipv4Network network) {
  return to_text(network.address) + "/" + std::to_string(network.prefix);
}

}  // namespace cordon
