#include "profiles/canonical_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <vector>

namespace cordon {
namespace {

constexpr std::int64_t largest_integer = (std::int64_t{1} << 53) - 1;

// One code point at the front of `text`; nullopt: that is no UTF-8.
std::optional<char32_t> take_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t size = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || text.size() < size) return std::nullopt;
  char32_t point = size == 1 ? lead : lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80) return std::nullopt;
    point = point << 6 | (byte & 0x3FU);
  }
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (point < smallest[size] || surrogate || point > 0x10FFFF) return std::nullopt;
  text.remove_prefix(size);
  return point;
}

std::optional<std::u16string> utf16(std::string_view text) {
  std::u16string out;
  while (!text.empty()) {
    const auto point = take_code_point(text);
    if (!point) return std::nullopt;
    if (*point < 0x10000) {
      out.push_back(static_cast<char16_t>(*point));
    } else {
      out.push_back(static_cast<char16_t>(0xD800 + ((*point - 0x10000) >> 10)));
      out.push_back(static_cast<char16_t>(0xDC00 + ((*point - 0x10000) & 0x3FF)));
    }
  }
  return out;
}

// RFC 8785, 3.2.2.2: the two-letter escapes where JSON has them, lower-case hex for the other controls.
void write_string(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::string_view plain = "\b\t\n\f\r\"\\", letters = "btnfr\"\\";
  out += '"';
  for (const char c : text) {
    const auto at = plain.find(c);
    if (at != plain.npos) {
      out.append(1, '\\').append(1, letters[at]);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append("\\u00").append(1, digits[static_cast<unsigned char>(c) >> 4]).append(1, digits[c & 15]);
    } else {
      out += c;
    }
  }
  out += '"';
}

// ECMAScript's Number::toString (ECMA-262, 6.1.6.1.20): the shortest digits that read back as the same double.
void write_double(std::string& out, double number) {
  if (number == 0) return out.append("0"), void();  // -0 too
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), std::abs(number), std::chars_format::scientific);
  const std::string_view shortest(text.data(), static_cast<std::size_t>(end.ptr - text.data()));
  const auto e = shortest.find('e');
  std::string digits(shortest.substr(0, e));
  std::erase(digits, '.');
  int exponent = 0;
  const auto* const sign_of = shortest.data() + e + 1;
  std::from_chars(*sign_of == '+' ? sign_of + 1 : sign_of, end.ptr, exponent);
  const int size = static_cast<int>(digits.size()), point = exponent + 1;  // where the decimal point stands
  if (number < 0) out += '-';
  if (size <= point && point <= 21) {
    out.append(digits).append(static_cast<std::size_t>(point - size), '0');
  } else if (0 < point && point <= 21) {
    out.append(digits, 0, static_cast<std::size_t>(point)).append(".").append(digits, static_cast<std::size_t>(point));
  } else if (-6 < point && point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else {
    out.append(digits, 0, 1);
    if (size > 1) out.append(".").append(digits, 1);
    out.append(exponent < 0 ? "e-" : "e+").append(std::to_string(std::abs(exponent)));
  }
}

// Writes values behind `out`, or says where that cannot be done.
class Writer {
 public:
  bool write(const Json& value, const std::string& pointer);
  std::string out;
  FieldErrors errors;

 private:
  bool refuse(const std::string& pointer, const char* why) {
    errors.push_back({pointer, why});
    return false;
  }
  bool write_text(const std::string& text, const std::string& pointer) {
    if (!utf16(text)) return refuse(pointer, "is not valid UTF-8");
    write_string(out, text);
    return true;
  }
  bool write_number(const Json& value, const std::string& pointer);
  bool write_array(const Json& value, const std::string& pointer);
  bool write_object(const Json& value, const std::string& pointer);
};

bool Writer::write_number(const Json& value, const std::string& pointer) {
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    if (!std::isfinite(number)) return refuse(pointer, "is not a number that JSON has");
    write_double(out, number);
    return true;
  }
  const auto within = [](auto integer, auto least, auto most) { return integer >= least && integer <= most; };
  const bool fits = value.is_number_unsigned()
                        ? within(value.get<std::uint64_t>(), std::uint64_t{0}, std::uint64_t{largest_integer})
                        : within(value.get<std::int64_t>(), -largest_integer, largest_integer);
  if (!fits) return refuse(pointer, "an integer must be between -9007199254740991 and 9007199254740991");
  out += std::to_string(value.get<std::int64_t>());
  return true;
}

bool Writer::write_array(const Json& value, const std::string& pointer) {
  out += '[';
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (i > 0) out += ',';
    if (!write(value[i], pointer_to(pointer, i))) return false;
  }
  out += ']';
  return true;
}

bool Writer::write_object(const Json& value, const std::string& pointer) {
  std::vector<std::pair<std::u16string, const Json::object_t::value_type*>> members;
  for (const auto& member : value.get_ref<const Json::object_t&>()) {
    auto name = utf16(member.first);
    if (!name) return refuse(pointer, "a key is not valid UTF-8");
    members.emplace_back(std::move(*name), &member);
  }
  std::sort(members.begin(), members.end());
  out += '{';
  for (const auto& [order, member] : members) {
    if (member != members.front().second) out += ',';
    write_string(out, member->first);
    out += ':';
    if (!write(member->second, pointer_to(pointer, member->first))) return false;
  }
  out += '}';
  return true;
}

bool Writer::write(const Json& value, const std::string& pointer) {
  switch (value.type()) {
    case Json::value_t::object:
      return write_object(value, pointer);
    case Json::value_t::array:
      return write_array(value, pointer);
    case Json::value_t::string:
      return write_text(value.get_ref<const std::string&>(), pointer);
    case Json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return true;
    case Json::value_t::null:
      out += "null";
      return true;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return write_number(value, pointer);
    default:
      return refuse(pointer, "is no JSON value");
  }
}

}  // namespace

tl::expected<std::string, FieldErrors> canonical_form(const Json& value) {
  Writer writer;
  if (!writer.write(value, "")) return tl::unexpected(std::move(writer.errors));
  return std::move(writer.out);
}

std::string canonical_json(const Json& value) {
  auto text = canonical_form(value);
  if (!text) throw std::invalid_argument(text.error().front().pointer + " " + text.error().front().detail);
  return std::move(*text);
}

Sha256 canonical_digest(const Json& value) {
  return sha256(canonical_json(value));
}

}  // namespace cordon
