#include "tests/promises/artifact_download.hpp"

#include <sodium.h>

#include <catch2/catch.hpp>

#include "cli/client.hpp"
#include "cli/job_request.hpp"
#include "profiles/sha256.hpp"

namespace cordon::test {
namespace {

std::string path_of(const Json& item) {
  const auto path = item.at("path").get<std::string>();
  return item.at("path_encoding") == "base64" ? cli::decode_base64(path) : path;
}

std::string digest_header(const Sha256& digest) {
  std::string text(sodium_base64_encoded_len(digest.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), digest.data(), digest.size(), sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();
  return "sha-256=:" + text + ":";
}

}  // namespace

std::map<std::string, std::string> download_artifacts(const Instance& cordon, const Json& job) {
  std::map<std::string, std::string> found;
  const auto base = "/v1/jobs/" + job.at("id").get<std::string>() + "/artifacts/";
  for (const auto& item : job.at("artifacts")) {
    const auto path = path_of(item);
    INFO(item.dump());
    const auto answer = cordon.get(base + cli::percent_encoded(path));
    REQUIRE(answer.status == 200);
    CHECK(answer.body.size() == item.at("size"));
    const auto digest = sha256(answer.body);
    CHECK(hex(digest) == item.at("sha256"));
    CHECK(answer.headers.at("repr-digest") == digest_header(digest));
    CHECK(found.emplace(path, answer.body).second);
  }
  return found;
}

std::map<std::string, std::string> skipped_of(const Json& job) {
  std::map<std::string, std::string> found;
  for (const auto& item : job.at("skipped")) {
    found[path_of(item)] = item.at("reason");
    CHECK_FALSE(item.at("reason").get<std::string>().empty());
  }
  return found;
}

}  // namespace cordon::test
