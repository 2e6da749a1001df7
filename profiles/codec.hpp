// Bounded binary encoding: little-endian integers, strings and lists with a u32 length before them. A Reader never
// reads past its end, never allocates more than what is there, and is good only if every byte was used. Pure.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::wire {

using Bytes = std::string;  // octets

class Writer {
 public:
  void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u16(std::uint16_t v) { integer(v); }
  void u32(std::uint32_t v) { integer(v); }
  void u64(std::uint64_t v) { integer(v); }
  void i32(std::int32_t v) { integer(static_cast<std::uint32_t>(v)); }
  void raw(std::string_view bytes) { out_.append(bytes); }
  void string(std::string_view s) {
    u32(static_cast<std::uint32_t>(s.size()));
    raw(s);
  }
  void strings(const std::vector<std::string>& list) {
    u32(static_cast<std::uint32_t>(list.size()));
    for (const auto& s : list) string(s);
  }
  Bytes take() { return std::move(out_); }

 private:
  template <typename T>
  void integer(T v) {
    for (std::size_t i = 0; i < sizeof v; ++i)
      out_.push_back(static_cast<char>(static_cast<std::uint64_t>(v) >> (8 * i)));
  }
  Bytes out_;
};

class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}

  std::uint8_t u8() { return integer<std::uint8_t>(); }
  std::uint16_t u16() { return integer<std::uint16_t>(); }
  std::uint32_t u32() { return integer<std::uint32_t>(); }
  std::uint64_t u64() { return integer<std::uint64_t>(); }
  std::int32_t i32() { return static_cast<std::int32_t>(integer<std::uint32_t>()); }

  std::string_view raw(std::size_t size) {
    if (size > in_.size()) return bad(), std::string_view{};
    auto out = in_.substr(0, size);
    in_.remove_prefix(size);
    return out;
  }
  std::string_view string(std::size_t max) {
    const auto size = u32();
    if (size > max) return bad(), std::string_view{};
    return raw(size);
  }
  // How many items follow; 0 and bad when more are claimed than allowed or than could be there.
  std::uint32_t count(std::size_t max, std::size_t smallest_item = 1) {
    const auto n = u32();
    if (n > max || n > in_.size() / smallest_item) return bad(), 0;
    return n;
  }
  std::vector<std::string> strings(std::size_t max_items, std::size_t max_size) {
    std::vector<std::string> list;
    const auto n = count(max_items, 4);
    list.reserve(n);
    for (std::uint32_t i = 0; i < n && good_; ++i) list.emplace_back(string(max_size));
    return list;
  }

  void bad() {
    good_ = false;
    in_ = {};
  }
  bool good() const { return good_; }
  bool finished() const { return good_ && in_.empty(); }
  std::size_t left() const { return in_.size(); }

 private:
  template <typename T>
  T integer() {
    if (in_.size() < sizeof(T)) return bad(), T{};
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) v |= std::uint64_t{static_cast<unsigned char>(in_[i])} << (8 * i);
    in_.remove_prefix(sizeof(T));
    return static_cast<T>(v);
  }
  std::string_view in_;
  bool good_ = true;
};

}  // namespace cordon::wire
