#include "supervisor/evidence/statement.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "supervisor/evidence/merkle.hpp"
#include "supervisor/text/base64.hpp"

namespace cordon {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* payload_type = "application/vnd.in-toto+json";

// What is signed (DSSE, "pre-authentication encoding").
std::string to_be_signed(std::string_view payload) {
  return fmt::format("DSSEv1 {} {} {} {}", std::string_view(payload_type).size(), payload_type, payload.size(),
                     payload);
}

void add_subject(Json& subjects, const std::string& name, const Json& digest) {
  if (digest.is_string()) subjects.push_back({{"name", name}, {"digest", {{"sha256", digest}}}});
}

void add_subjects(Json& subjects, const Json& entry) {
  if (entry.at("kind") != "outcome") return;
  for (const char* name : {"stdout", "stderr"})
    add_subject(subjects, name, entry.value(std::string(name) + "_sha256", Json()));
  const auto artifacts = entry.value("artifacts", Json::object());
  for (const auto& [path, digest] : artifacts.items()) add_subject(subjects, path, digest);
}

}  // namespace

tl::expected<std::string, std::string> job_statement(std::string_view job, const std::vector<std::string>& entries) {
  Json subjects = Json::array(), all = Json::array();
  if (entries.empty()) return tl::unexpected(std::string("there is no entry of it"));
  for (const auto& text : entries) {
    auto entry = Json::parse(text);
    if (entry.value("job", "") != job)
      return tl::unexpected("entry " + entry.at("index").dump() + " is not of this job");
    add_subjects(subjects, entry);
    all.push_back({{"leaf_sha256", hex(merkle::leaf_hash(text))}, {"entry", std::move(entry)}});
  }
  // A statement has a subject: of a job that left nothing it is the record itself.
  if (subjects.empty()) add_subject(subjects, "job/" + std::string(job), hex(sha256(entries.back())));
  const Json statement = {{"_type", "https://in-toto.io/Statement/v1"},
                          {"subject", std::move(subjects)},
                          {"predicateType", evidence_predicate},
                          {"predicate", {{"job", job}, {"entries", std::move(all)}}}};
  return statement.dump();
}

std::string dsse_envelope(std::string_view statement, const NoteSigner& signer) {
  const Json envelope = {
      {"payloadType", payload_type},
      {"payload", base64(statement)},
      {"signatures",
       Json::array({{{"keyid", signer.verifier().text()}, {"sig", base64(signer.sign(to_be_signed(statement)))}}})}};
  return envelope.dump();
}

tl::expected<std::string, std::string> open_dsse(std::string_view envelope, const NoteVerifier& verifier) {
  const auto json = Json::parse(envelope, nullptr, false);
  if (!json.is_object() || json.value("payloadType", "") != payload_type)
    return tl::unexpected(std::string("it is no DSSE envelope"));
  const auto payload = decode_base64(json.value("payload", ""));
  if (!payload) return tl::unexpected(std::string("its payload is not base64"));
  for (const auto& signature : json.value("signatures", Json::array())) {
    const auto bytes = decode_base64(signature.value("sig", ""));
    if (bytes && verifier.verify(to_be_signed(*payload), *bytes)) return *payload;
  }
  return tl::unexpected("no signature of it is of " + verifier.name);
}

}  // namespace cordon
