#include "sandbox/artifact_stream.hpp"

#include <algorithm>

#include "sandbox/payload.hpp"

namespace cordon::artifacts {

namespace {

constexpr std::size_t max_reason = 256;

void write(wire::Writer& w, const FileBegin& f) {
  w.string(f.path);
}
void write(wire::Writer& w, const FileData& f) {
  w.raw(f.bytes);
}
void write(wire::Writer& w, const FileEnd& f) {
  w.u64(f.size);
  w.raw({reinterpret_cast<const char*>(f.sha256.data()), f.sha256.size()});
}
void write(wire::Writer& w, const Skipped& f) {
  w.string(f.path);
  w.string(f.reason);
}
void write(wire::Writer& w, const End& f) {
  w.string(f.note);
}
void write(wire::Writer& w, const Left& f) {
  w.string(f.path);
  w.u8(static_cast<std::uint8_t>(f.kind));
  w.u64(f.size);
  w.u8(f.sha256.has_value());
  if (f.sha256) w.raw({reinterpret_cast<const char*>(f.sha256->data()), f.sha256->size()});
}
void write(wire::Writer& w, const SurveyEnd& f) {
  w.u8(f.complete);
}

Sha256 read_digest(wire::Reader& r) {
  Sha256 digest{};
  const auto bytes = r.raw(digest.size());
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

bool read_flag(wire::Reader& r) {
  const auto flag = r.u8();
  if (flag > 1) r.bad();
  return flag == 1;
}

Frame read_file_end(wire::Reader& r) {
  FileEnd end;
  end.size = r.u64();
  end.sha256 = read_digest(r);
  return end;
}

Frame read_skipped(wire::Reader& r) {
  Skipped skipped;
  skipped.path = r.string(max_path);
  skipped.reason = r.string(max_reason);
  return skipped;
}

Frame read_file_begin(wire::Reader& r) {
  FileBegin begin{std::string(r.string(max_path))};
  if (!is_workspace_path(begin.path)) r.bad();
  return begin;
}

Frame read_left(wire::Reader& r) {
  Left left;
  left.path = r.string(max_path);
  const auto kind = r.u8();
  left.kind = static_cast<LeftKind>(kind);
  left.size = r.u64();
  if (read_flag(r)) left.sha256 = read_digest(r);
  if (!is_workspace_path(left.path) || kind > static_cast<std::uint8_t>(LeftKind::other)) r.bad();
  return left;
}

Frame read_frame(wire::Reader& r) {
  switch (r.u8()) {
    case 0:
      return read_file_begin(r);
    case 1:
      return FileData{r.raw(std::min(r.left(), max_chunk))};
    case 2:
      return read_file_end(r);
    case 3:
      return read_skipped(r);
    case 4:
      return End{std::string(r.string(max_reason))};
    case 5:
      return read_left(r);
    case 6:
      return SurveyEnd{read_flag(r)};
    default:
      r.bad();
      return End{};
  }
}

}  // namespace

wire::Bytes encode(const Frame& frame) {
  wire::Writer body;
  body.u8(static_cast<std::uint8_t>(frame.index()));
  std::visit([&](const auto& f) { write(body, f); }, frame);
  wire::Writer framed;
  framed.string(body.take());
  return framed.take();
}

std::optional<Frame> Decoder::next() {
  if (bad_) return std::nullopt;
  const auto rest = std::string_view(buffer_).substr(used_);
  const std::size_t size = rest.size() < 4 ? 0 : wire::Reader(rest).u32();
  if (size > max_frame) return bad_ = true, std::nullopt;
  if (rest.size() < 4 + size) {  // what was read goes only now: thousands of small frames may come at once
    buffer_.erase(0, used_);
    used_ = 0;
    return std::nullopt;
  }
  used_ += 4 + size;
  wire::Reader r(rest.substr(4, size));
  auto frame = read_frame(r);
  if (!r.finished()) return bad_ = true, std::nullopt;
  return frame;
}

}  // namespace cordon::artifacts
