#include "sandbox/prestart/prestart.hpp"

#include "profiles/codec.hpp"
#include "sandbox/prestart/eligible.hpp"

namespace cordon::prestart {

namespace {

Answer read_declined(wire::Reader& r) {
  return Declined{std::string(r.string(max_answer))};
}

Answer read_failed(wire::Reader& r) {
  Failed failed;
  failed.step = r.string(max_answer);
  failed.object = r.string(max_answer);
  failed.error = r.i32();
  return failed;
}

}  // namespace

std::string argument_room() {
  return std::string(argument_room_bytes, ' ');
}

std::string environment_room() {
  return std::string(room_variable) + '=' + std::string(environment_room_bytes, ' ');
}

std::optional<Answer> decode_answer(std::string_view bytes) {
  wire::Reader r(bytes);
  const auto kind = static_cast<AnswerKind>(r.u8());
  std::optional<Answer> answer;
  if (kind == AnswerKind::ready) answer = Ready{};
  if (kind == AnswerKind::prepared) answer = Prepared{};
  if (kind == AnswerKind::declined) answer = read_declined(r);
  if (kind == AnswerKind::failed) answer = read_failed(r);
  return r.finished() ? answer : std::nullopt;
}

}  // namespace cordon::prestart
