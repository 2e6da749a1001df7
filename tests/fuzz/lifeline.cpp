// Everything that one process of Cordon decodes of another's bytes: what is accepted says exactly what was sent.
#include "sandbox/init_plan.hpp"
#include "sandbox/job_spec.hpp"
#include "sandbox/payload.hpp"
#include "sandbox/report.hpp"
#include "tests/fuzz/property.hpp"

using namespace cordon;
using fuzz::must;

namespace {

void check_payload(std::string_view bytes) {
  const auto payload = decode_payload(bytes);
  if (!payload) return;
  must(encode(*payload) == bytes, "a payload encodes to what it was decoded from");
  for (const auto& file : payload->files) must(is_workspace_path(file.path), "a file stays in the workspace");
  for (const auto& text : payload->argv) must(text.find('\0') == text.npos, "an argument has no NUL");
}

void check_globs(std::string_view bytes) {
  const auto globs = decode_globs(bytes);
  if (globs) must(encode_globs(*globs) == bytes, "globs encode to what they were decoded from");
}

void check_job(std::string_view bytes) {
  const auto spec = decode_job_spec(bytes);
  if (!spec) return;
  must(encode(*spec) == bytes, "a JobSpec encodes to what it was decoded from");
  must(scratch_fits(spec->limits), "scratch fits into memory");
  must(!is_hello(bytes), "a JobSpec is no hello");
}

void check_preparation(std::string_view bytes) {
  const auto wanted = decode_preparation(bytes);
  if (!wanted) return;
  must(encode(*wanted) == bytes, "a Preparation encodes to what it was decoded from");
  must(!decode_job_spec(bytes), "a Preparation is no JobSpec");
}

void check_report(std::string_view bytes) {
  const auto message = decode_launcher_message(bytes);
  if (message) must(encode(*message) == bytes, "a report encodes to what it was decoded from");
}

void check_init(std::string_view bytes) {
  if (const auto plan = decode_init_plan(bytes)) must(encode(*plan) == bytes, "an InitPlan is what was decoded");
  if (const auto message = decode_init_message(bytes)) must(encode(*message) == bytes, "init's message is, too");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  check_payload(bytes);
  check_globs(bytes);
  check_job(bytes);
  check_preparation(bytes);
  check_report(bytes);
  check_init(bytes);
  return 0;
}
