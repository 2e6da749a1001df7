#include "profiles/strict_json.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cordon {
namespace {

constexpr std::int64_t largest_integer = (std::int64_t{1} << 53) - 1;

// nlohmann's text is "[json.exception.parse_error.101] parse error at line 1, column 2: …; last read: '…'". The end
// may hold any bytes of the input, so it is not passed on.
std::string readable(std::string_view what) {
  if (const auto end = what.find("; last read:"); end != what.npos) what = what.substr(0, end);
  if (const auto begin = what.find("] "); begin != what.npos) what.remove_prefix(begin + 2);
  return std::string(what.substr(0, 200));
}

// Builds the value and knows at every moment where it is. nlohmann's own builder overwrites duplicate keys, and
// ordered_json's own insertion is linear in the number of keys, so that a large object would cost its square.
class Builder : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(Integers integers) : integers_(integers) {}

  Json take() { return std::move(root_); }
  FieldErrors take_errors() { return {{std::move(where_), std::move(what_)}}; }
  bool failed() const { return !what_.empty(); }

  bool null() override { return add(nullptr); }
  bool boolean(bool v) override { return add(v); }
  bool number_integer(std::int64_t v) override {
    return integers_ == Integers::interoperable && v < -largest_integer ? refuse(out_of_range) : add(v);
  }
  bool number_unsigned(std::uint64_t v) override {
    return integers_ == Integers::interoperable && v > std::uint64_t{largest_integer} ? refuse(out_of_range) : add(v);
  }
  bool number_float(double v, const std::string& text) override {
    const bool is_integer = text.find_first_of(".eE") == text.npos;  // one that 64 bits cannot hold
    return is_integer ? refuse(out_of_range) : add(v);
  }
  bool string(std::string& v) override {
    return v.find('\0') != v.npos ? refuse("a string must not contain NUL") : add(std::move(v));
  }
  bool binary(Json::binary_t&) override { return refuse("binary values are not JSON"); }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    auto& frame = open_.back();
    frame.key = name;
    frame.has_key = true;
    if (name.find('\0') != name.npos) return refuse("a key must not contain NUL");
    if (!frame.keys.insert(name).second) return refuse("this key stands here twice");
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    return refuse(readable(error.what()));
  }

 private:
  static constexpr const char* out_of_range = "an integer must be between -9007199254740991 and 9007199254740991";

  struct Frame {
    Json* value;
    std::set<std::string> keys;  // of an object; not hashed, since clients could choose colliding keys
    std::string key;             // of the member that is being read
    bool has_key = false;
  };

  bool refuse(std::string what) {
    where_ = pointer();
    what_ = std::move(what);
    return false;
  }

  std::string pointer() const {
    std::string out;
    for (const auto& frame : open_) {
      const bool is_last = &frame == &open_.back();
      if (frame.value->is_object()) {
        if (frame.has_key) out = pointer_to(out, frame.key);
      } else {
        out = pointer_to(out, is_last ? frame.value->size() : frame.value->size() - 1);
      }
    }
    return out;
  }

  // Small values cost many times their text: 16 MiB of "1," would take a second and half a gigabyte.
  bool is_full() { return ++values_ > max_json_values; }

  // Where the value went: addresses stay good, since a parent gets no further members while its child is open.
  Json* place(Json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    auto& frame = open_.back();
    if (frame.value->is_array()) {
      auto& array = frame.value->get_ref<Json::array_t&>();
      array.push_back(std::move(value));
      return &array.back();
    }
    using Members = Json::object_t::Container;
    Members& members = frame.value->get_ref<Json::object_t&>();
    members.emplace_back(frame.key, std::move(value));
    return &members.back().second;
  }

  void placed() {
    if (!open_.empty()) open_.back().has_key = false;
  }

  bool add(Json value) {
    if (is_full()) return refuse("more than 65536 values");
    place(std::move(value));
    placed();
    return true;
  }

  bool open(Json value) {
    if (is_full()) return refuse("more than 65536 values");
    if (open_.size() == max_json_depth) return refuse("nested deeper than 32");
    open_.push_back({place(std::move(value)), {}, {}, false});
    return true;
  }

  bool close() {
    open_.pop_back();
    placed();
    return true;
  }

  Integers integers_;
  std::size_t values_ = 0;
  Json root_;
  std::vector<Frame> open_;
  std::string where_, what_;
};

std::string_view refused_outright(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) return "begins with a byte order mark: remove it";
  // nlohmann's lexer takes NUL for the end of the input.
  if (text.find('\0') != text.npos) return "contains NUL";
  return {};
}

}  // namespace

tl::expected<Json, FieldErrors> parse_strict_json(std::string_view text, Comments comments, Integers integers) {
  if (const auto why = refused_outright(text); !why.empty()) {
    return tl::unexpected(FieldErrors{{"", std::string(why)}});
  }
  Builder builder(integers);
  const bool ignore_comments = comments == Comments::accept;
  const bool ok = Json::sax_parse(text, &builder, Json::input_format_t::json, /*strict=*/true, ignore_comments);
  if (!ok || builder.failed()) return tl::unexpected(builder.take_errors());
  return builder.take();
}

}  // namespace cordon
