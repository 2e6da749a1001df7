// A client's bytes on the socket: one request, from the framing of its head to the order that would be run. The same
// steps as supervisor/http/session.cpp takes, without its coroutines (which clang 14 and GCC's library cannot do
// together).
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <optional>

#include "profiles/egress_narrow.hpp"
#include "sandbox/payload.hpp"
#include "supervisor/http/framing.hpp"
#include "supervisor/jobs/job_order.hpp"
#include "supervisor/text/uri.hpp"
#include "tests/fuzz/property.hpp"

using namespace cordon;
using fuzz::must;

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

Catalog make_catalog() {
  Profile profile;
  profile.name = "default";
  profile.ceiling = {600'000, 600'000, 2000, 2048 * mib, 512, 16 * mib, 1024 * mib, 262'144, 1024 * mib, 4096};
  profile.defaults = {10'000, 10'000, 1000, 512 * mib, 64, mib, 64 * mib, 16'384, 64 * mib, 256};
  profile.env = {{"PATH", "/usr/bin"}, {"HOME", "/work"}};
  profile.languages = {{"python", {"main.py", {"python3", "main.py"}, "/usr/bin/python3"}}};
  profile.collect = {10, mib};
  profile.egress = {{"*.example.com", {}, {443, 8443}, EgressMode::passthrough, {}, {}, false, false},
                    {"a.example.com", {}, {80}, EgressMode::http, {}, {}, false, false},
                    {"", {0xc0000200, 24}, {5432}, EgressMode::raw, {}, {}, false, false}};
  Catalog catalog;
  catalog.profiles.emplace(profile.name, profile);
  catalog.config.images.emplace("host", ImageConfig{});
  return catalog;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

// How a simpler reader than Beast finds the end of the body. It reads lines and knows two names.
struct Body {
  bool chunked = false;
  std::optional<std::uint64_t> length;
};
Body body_of(std::string_view head) {
  Body body;
  for (auto end = head.find("\r\n"); end != head.npos; end = head.find("\r\n")) {
    head.remove_prefix(end + 2);
    const auto line = head.substr(0, head.find("\r\n"));
    const auto colon = line.find(':');
    if (colon == line.npos) continue;
    auto value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    const auto name = line.substr(0, colon);
    if (same_letters(name, "transfer-encoding")) body.chunked = true;
    if (same_letters(name, "content-length")) body.length = std::stoull(std::string(value));
  }
  return body;
}

void refusal_can_be_sent(const Rejection& rejection) {
  must(rejection.status >= 400 && rejection.status < 500, "a refusal is the client's fault");
  must(!Json::parse(problem_json(rejection)).empty(), "a refusal is a JSON document");
}

void check_order(const JobOrder& order, const Profile& profile) {
  must(scratch_fits(order.limits), "scratch fits into memory");
  must(is_within(profile.egress, order.egress), "a job gets no more of the network than its profile has");
  Payload payload{order.argv, order.env, order.cwd, {}};
  for (const auto& file : order.files) payload.files.push_back({file.path, file.mode, file.content});
  must(decode_payload(encode(payload)).has_value(), "init can read every order that was accepted");
  must(decode_globs(encode_globs(order.collect)).has_value(), "the collector can read every accepted list of globs");
}

void check_job(std::string_view body) {
  static const auto catalog = make_catalog();
  auto asked = parse_job_request(body);
  if (!asked) return refusal_can_be_sent(asked.error());
  const auto find = [](const ArtifactRef&) { return FoundArtifact{}; };
  const auto has_file = [](const ImageConfig&, const std::string&) { return true; };
  const auto order = make_order(std::move(*asked), catalog, find, has_file);
  if (order) return check_order(*order, catalog.profiles.at("default"));
  refusal_can_be_sent(order.error());
}

void check_target(std::string_view raw) {
  const auto target = parse_target(raw);
  if (!target) return;
  for (const auto& segment : target->segments) must(segment.find('\0') == segment.npos, "a path has no NUL");
  for (const auto& [key, value] : target->query) must((key + value).find('\0') == value.npos, "a query has no NUL");
}

void check_request(std::string_view head, std::string_view rest) {
  Parser parser;
  parser.header_limit(max_head_bytes);
  parser.body_limit(max_body_bytes);
  beast::error_code error;
  parser.put(boost::asio::buffer(head), error);
  if ((error && error != http::error::need_more) || !parser.is_header_done()) return;
  const auto simple = body_of(head);
  must(parser.chunked() == simple.chunked, "nobody disagrees about whether there are chunks");
  const auto length = parser.content_length();
  must(simple.chunked || length.value_or(0) == simple.length.value_or(0), "nobody disagrees about the body's length");
  check_target({parser.get().target().data(), parser.get().target().size()});
  while (!parser.is_done() && !rest.empty()) {
    const auto used = parser.put(boost::asio::buffer(rest), error);
    if (error || used == 0) break;
    rest.remove_prefix(used);
  }
  if (parser.is_done()) check_job(parser.get().body());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  const auto end = bytes.find("\r\n\r\n");
  if (end == bytes.npos || end + 4 > max_head_bytes) {
    check_job(bytes);  // most of what is to be found is in the JSON
    return 0;
  }
  const auto head = bytes.substr(0, end + 4);
  if (framing_fault(head).empty()) check_request(head, bytes.substr(end + 4));
  return 0;
}
