// The collector's byte stream on the artifacts pipe: for each file a header, its bytes in chunks and a trailer; for
// each thing passed over a skip line; of a surveyed job a line for each thing that it left, and that they are over;
// then the end mark. A stream that ends without the end mark was cut short. Written by a process with the job's uid:
// whoever reads it trusts nothing but the bounds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "profiles/codec.hpp"
#include "profiles/sha256.hpp"

namespace cordon::artifacts {

struct FileBegin {
  std::string path;
};  // relative to /work, octets
struct FileData {
  std::string_view bytes;
};  // at most max_chunk
struct FileEnd {
  std::uint64_t size = 0;
  Sha256 sha256{};
};
struct Skipped {
  std::string path;
  std::string reason;
};
struct End {
  std::string note;
};  // empty, or which bound stopped the collection
enum class LeftKind : std::uint8_t { file, directory, link, other };
struct Left {
  std::string path;  // below the scratch space: in work, tmp, shm or upper-PART (above an image); octets
  LeftKind kind = LeftKind::file;
  std::uint64_t size = 0;                       // of a file
  std::optional<Sha256> sha256 = std::nullopt;  // of a file that was read: the survey has bounds too
};
struct SurveyEnd {
  bool complete = false;  // everything that it left was told
};
using Frame = std::variant<FileBegin, FileData, FileEnd, Skipped, End, Left, SurveyEnd>;

inline constexpr std::size_t max_chunk = std::size_t{32} * 1024;
inline constexpr std::size_t max_frame = max_chunk + 16;

wire::Bytes encode(const Frame& frame);  // with its u32 length before it

// Feed it bytes as they come. next() gives one frame, or nullopt when more bytes are needed or the stream is bad.
class Decoder {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  std::optional<Frame> next();  // FileData views stay valid until the next call of feed or next
  bool bad() const { return bad_; }

 private:
  std::string buffer_;
  std::size_t used_ = 0;
  bool bad_ = false;
};

}  // namespace cordon::artifacts
