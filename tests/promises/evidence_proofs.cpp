// Promise (issue "Governed tools", 8): what a job was answered can be proven the moment it was answered, by whoever has
// the files and nothing else of Cordon's; the commands that operators have for that say the truth.
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "supervisor/text/base64.hpp"
#include "tests/promises/people.hpp"

using namespace cordon::test;

namespace {

namespace fs = std::filesystem;

struct Said {
  int code = -1;
  std::string text;  // on both streams
};

Said run_program(const Instance& cordon, std::vector<std::string> command, const std::string& name) {
  const auto log = cordon.directory() + "/" + name;
  fs::remove(log);
  Process process(std::move(command), log, false);
  const auto status = process.wait(at_test_speed(std::chrono::seconds(60)));
  REQUIRE(status);
  return {WIFEXITED(*status) ? WEXITSTATUS(*status) : -1, read_text(log)};
}

Said evidence(const Instance& cordon, std::vector<std::string> arguments) {
  std::vector<std::string> command{CORDON_BIN_DIR "/cordon", "--runtime-dir", cordon.runtime_dir(), "evidence"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_program(cordon, std::move(command), "evidence.log");
}

// By a program that knows the standards, and nothing of Cordon.
Said checked(const Instance& cordon, const std::string& proofs, const std::string& key) {
  std::ofstream(cordon.directory() + "/proofs.json") << proofs;
  return run_program(cordon,
                     {"sh", "-c", "exec python3 \"$1\" \"$2\" <\"$3\"", "sh",
                      CORDON_SOURCE_DIR "/tests/promises/check_proof.py", key, cordon.directory() + "/proofs.json"},
                     "checked.log");
}

// Kept outside, as the documentation says.
std::string kept_outside(const Instance& cordon, const std::string& name, std::vector<std::string> arguments) {
  const auto said = evidence(cordon, std::move(arguments));
  REQUIRE(said.code == 0);
  const auto path = cordon.directory() + "/" + name;
  std::ofstream(path) << said.text;
  return path;
}

const Json quick{{"argv", Json::array({"sh", "-c", "echo hello; exit 3"})}};

}  // namespace

TEST_CASE("what a job is answered is on the record by then, and is proven at once to whoever knows the standards",
          "[governed:evidence]") {
  const Instance cordon;
  const auto key = kept_outside(cordon, "outside.key", {"checkpoint", "--key"});
  for (int i = 0; i < 3; ++i) {  // wherever it falls in the second between two signatures
    const auto job = cordon.run(quick);
    CHECK(job.at("outcome_on_record") == true);
    const auto proven = evidence(cordon, {"prove", "--json", job.at("id")});
    INFO(proven.text);
    REQUIRE(proven.code == 0);
    auto proofs = Json::parse(proven.text);
    std::vector<std::string> kinds;
    for (const auto& proof : proofs.at("proofs")) {
      const auto entry = Json::parse(proof.at("entry").get<std::string>());
      CHECK(entry.at("job") == job.at("id"));
      kinds.push_back(entry.at("kind"));
    }
    std::sort(kinds.begin(), kinds.end());
    CHECK(kinds == std::vector<std::string>{"decision", "ended", "outcome", "started"});
    const auto good = checked(cordon, proofs.dump(), key);
    CHECK(good.text == "4\n");
    CHECK(good.code == 0);
    auto other = proofs;
    other["proofs"][0]["entry"] = other["proofs"][0]["entry"].get<std::string>() + " ";
    CHECK(checked(cordon, other.dump(), key).text.find("is not in the tree") != std::string::npos);
    other = proofs;
    auto note = other["checkpoint"].get<std::string>();
    const auto size = note.find('\n') + 1;  // its first digit
    note[size] = note[size] == '9' ? '8' : '9';
    other["checkpoint"] = note;
    CHECK(checked(cordon, other.dump(), key).text.find("the signature is not the key's") != std::string::npos);
  }
}

TEST_CASE("operators verify, compare with what they kept outside, export and hold from the command line",
          "[governed:evidence]") {
  const Instance cordon;
  const std::string id = cordon.run(quick).at("id");
  REQUIRE(evidence(cordon, {"prove", id}).code == 0);  // signed for
  const auto key = kept_outside(cordon, "outside.key", {"checkpoint", "--key"});
  const auto before = kept_outside(cordon, "before.checkpoint", {"checkpoint"});
  REQUIRE(evidence(cordon, {"prove", cordon.run(quick).at("id")}).code == 0);

  const auto verified = evidence(cordon, {"verify", "--key", key, "--checkpoint", before});
  INFO(verified.text);
  CHECK(verified.code == 0);
  CHECK(verified.text.find("jobs: 2 let in, 2 ended; by the launcher 2 started, 2 ended; 0 open\nwhole\n") !=
        std::string::npos);
  CHECK(evidence(cordon, {"consistency", "--checkpoint", before}).code == 0);

  const auto exported = evidence(cordon, {"export", "--job", id});
  CHECK(exported.code == 0);
  std::istringstream lines(exported.text);
  std::size_t entries = 0;
  for (std::string line; std::getline(lines, line); ++entries) CHECK(Json::parse(line).at("job") == id);
  CHECK(entries == 4);
  const auto statement = evidence(cordon, {"export", "--job", id, "--statement"});
  REQUIRE(statement.code == 0);
  const auto payload = cordon::decode_base64(Json::parse(statement.text).at("payload").get<std::string>());
  REQUIRE(payload);
  CHECK(Json::parse(*payload).at("_type") == "https://in-toto.io/Statement/v1");
  CHECK(payload->find(id) != std::string::npos);

  CHECK(evidence(cordon, {"hold", "job/" + id, "--reason", "inquiry"}).code == 0);
  CHECK(evidence(cordon, {"holds"}).text.find("job/" + id) != std::string::npos);
  CHECK(evidence(cordon, {"release-hold", "job/" + id}).code == 0);
  CHECK(evidence(cordon, {"holds"}).text.find("job/" + id) == std::string::npos);

  // And all of it without a word to any process: of a copy; of a copy that was changed; of one that was rolled back.
  REQUIRE(eventually([&] {
    return Json::parse(evidence(cordon, {"verify", "--json"}).text).at("unsigned_entries") == 0;  // nothing is in flux
  }));
  const auto copy = cordon.directory() + "/copy";
  fs::copy(cordon.evidence_dir(), copy, fs::copy_options::recursive);
  CHECK(evidence(cordon, {"verify", "--dir", copy, "--key", key, "--checkpoint", before}).code == 0);
  const auto segment = copy + "/00000000000000000000.evidence";
  auto bytes = read_text(segment);
  const auto at = bytes.find(id) + 1;
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  std::ofstream(segment, std::ios::binary) << bytes;
  const auto changed = evidence(cordon, {"verify", "--dir", copy, "--key", key});
  CHECK(changed.code == 1);
  CHECK(changed.text.find("NOT WHOLE") != std::string::npos);
  CHECK(evidence(cordon, {"prove", "--dir", copy, id}).code == 1);
  const auto younger = kept_outside(cordon, "younger.checkpoint", {"checkpoint"});
  const auto other = std::make_unique<Instance>();  // a log of another beginning
  CHECK(evidence(*other, {"consistency", "--checkpoint", younger}).code == 1);
  CHECK(evidence(cordon, {"prove", "00000000-0000-7000-8000-000000000000"}).code == 1);
}
