// `cordon evidence verify`, `checkpoint`, `prove`, `consistency`, `export`: of the files themselves, without a word to
// the processes that made them.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

#include "cli/commands.hpp"
#include "cli/evidence_files.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"
#include "supervisor/evidence/segment.hpp"
#include "supervisor/evidence/verify.hpp"
#include "supervisor/text/base64.hpp"

namespace cordon::cli {
namespace {

constexpr auto signing_patience = std::chrono::seconds(3);

Json fault_json(const EvidenceFault& fault) {
  Json out = {{"file", fault.file}, {"what", fault.what}};
  if (fault.entry) out["entry"] = *fault.entry;
  if (fault.offset) out["offset"] = *fault.offset;
  return out;
}

Json faults_json(const std::vector<EvidenceFault>& faults) {
  Json out = Json::array();
  for (const auto& fault : faults) out.push_back(fault_json(fault));
  return out;
}

Json verified_json(const Verified& verified) {
  const auto& jobs = verified.jobs;
  return {{"whole", verified.faults.empty()},
          {"faults", faults_json(verified.faults)},
          {"contradictions", faults_json(jobs.contradictions)},
          {"first_entry", verified.log.gone.size()},
          {"entries", verified.log.size()},
          {"signed_entries", verified.signed_entries},
          {"unsigned_entries", verified.unsigned_entries},
          {"key", verified.log.key ? Json(verified.log.key->text()) : Json()},
          {"jobs",
           {{"decisions", jobs.decisions},
            {"outcomes", jobs.outcomes},
            {"started", jobs.started},
            {"ended", jobs.ended},
            {"open", jobs.open}}}};
}

// Byte by byte as it is hashed; a terminal gets it made safe, since a job has named what is in it.
void print_entry(std::string_view entry) {
  if (is_terminal(STDOUT_FILENO)) {
    fmt::print("{}\n", for_one_line(entry));
  } else {
    fmt::print("{}\n", entry);
  }
}

void print_faults(const char* title, const std::vector<EvidenceFault>& faults) {
  constexpr std::size_t shown = 20;
  if (faults.empty()) return;
  fmt::print("{}\n", title);
  for (std::size_t i = 0; i < std::min(shown, faults.size()); ++i)
    fmt::print("  {}\n", for_one_line(to_string(faults[i])));
  if (faults.size() > shown) fmt::print("  and {} more\n", faults.size() - shown);
}

void print_verified(const Verified& verified) {
  const auto& jobs = verified.jobs;
  print_faults("NOT WHOLE: the first fault comes first", verified.faults);
  print_faults("CONTRADICTED: cordond says other than the launcher has seen", jobs.contradictions);
  fmt::print("entries {} to {}: {} signed for by {}, {} not yet\n", verified.log.gone.size(), verified.log.size(),
             verified.signed_entries, verified.log.key ? verified.log.key->name : "nobody", verified.unsigned_entries);
  fmt::print("jobs: {} let in, {} ended; by the launcher {} started, {} ended; {} open\n", jobs.decisions,
             jobs.outcomes, jobs.started, jobs.ended, jobs.open.size());
  if (verified.faults.empty() && jobs.contradictions.empty()) fmt::print("whole\n");
}

// What the log says of one job, in its order.
std::vector<std::uint64_t> entries_of(const EvidenceLog& log, const std::string& job) {
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i < log.entries.size(); ++i) {
    if (raw_member(log.entries[i].text, "job") == job) out.push_back(log.gone.size() + i);
  }
  if (out.empty()) throw Failure("there is no evidence of job " + job, "it may be older than what is kept");
  return out;
}

std::string base64_of(const Sha256& hash) {
  return base64({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

// Only of what the signature vouches for; and checked here before anybody is told.
Json proof_of(const EvidenceLog& log, const merkle::Tree& tree, std::uint64_t index) {
  const auto& checkpoint = *log.checkpoint;
  const auto& entry = *log.entry(index);
  if (index >= checkpoint.size)
    throw Failure(fmt::format("entry {} is not signed for yet", index), "try again in a second");
  const auto proof = tree.inclusion(index, checkpoint.size);
  if (!proof || !merkle::verify_inclusion(entry.leaf, index, checkpoint.size, *proof, checkpoint.root))
    throw Failure(fmt::format("entry {} is not in the tree that is signed for", index),
                  "cordon evidence verify says more");
  Json hashes = Json::array();
  for (const auto& hash : *proof) hashes.push_back(base64_of(hash));
  return {{"index", index}, {"leaf_hash", base64_of(entry.leaf)}, {"proof", std::move(hashes)}, {"entry", entry.text}};
}

// C2SP tlog-proof: an entry's proof and the checkpoint that it leads to, in one text.
std::string proof_text(const Json& proof, const std::string& note) {
  std::string out = fmt::format("c2sp.org/tlog-proof@v1\nindex {}\n", proof.at("index").dump());
  for (const auto& hash : proof.at("proof")) out += hash.get<std::string>() + "\n";
  return out + "\n" + note;
}

void require_signed(const EvidenceLog& log) {
  if (!log.faults.empty())
    throw Failure("the evidence is not whole: " + to_string(log.faults.front()), "cordon evidence verify");
  if (!log.checkpoint) throw Failure("there is no checkpoint that its key has signed", "cordon evidence verify");
}

EvidenceLog read_signed(const std::string& directory, const std::string& key_file) {
  auto log = or_failure([&] { return read_evidence(directory, read_verifier(key_file)); });
  require_signed(log);
  return log;
}

// All of it is signed for, and of a job that has its outcome the launcher has said its last as well.
bool is_complete(const EvidenceLog& log, const std::vector<std::uint64_t>& entries) {
  int outcomes = 0, running = 0;
  for (const auto index : entries) {
    const auto kind = raw_member(log.entry(index)->text, "kind");
    outcomes += kind == "outcome" ? 1 : 0;
    running += kind == "started" ? 1 : 0;
    running -= kind == "ended" ? 1 : 0;
  }
  return entries.back() < log.checkpoint->size && (outcomes == 0 || running == 0);
}

// What a job was answered a moment ago is signed for within a second, and the launcher's word is as late at most.
EvidenceLog read_complete(const std::string& directory, const EvidenceOptions& options) {
  const auto signatures = or_failure([&] { return Signatures(directory); });
  const auto deadline = std::chrono::steady_clock::now() + signing_patience;
  for (;;) {
    auto log = read_signed(directory, options.key_file);
    if (is_complete(log, entries_of(log, options.job)) || !signatures.wait(deadline)) return log;
  }
}

}  // namespace

int verify_evidence(const Session& session, const EvidenceOptions& options) {
  VerifyWish wish{evidence_directory(session, options.directory),
                  read_verifier(options.key_file),
                  {},
                  std::chrono::seconds(options.grace_s)};
  for (const auto& file : options.checkpoint_files) wish.checkpoints.push_back(read_text_file(file));
  const auto verified = or_failure([&] { return cordon::verify_evidence(wish); });
  if (session.json) {
    fmt::print("{}\n", json_text(verified_json(verified)));
  } else {
    print_verified(verified);
  }
  return verified.faults.empty() && verified.jobs.contradictions.empty() ? 0 : 1;
}

int show_checkpoint(const Session& session, const EvidenceOptions& options) {
  const auto directory = evidence_directory(session, options.directory);
  const auto note = read_text_file(directory + "/checkpoint");
  const auto key = read_text_file(directory + "/key.pub");
  if (options.show_key) {
    fmt::print("{}", key);
  } else {
    fmt::print("{}", note);
  }
  return 0;
}

int prove_job(const Session& session, const EvidenceOptions& options) {
  const auto log = read_complete(evidence_directory(session, options.directory), options);
  const auto tree = log.tree();
  Json proofs = Json::array();
  for (const auto index : entries_of(log, options.job)) proofs.push_back(proof_of(log, tree, index));
  if (session.json) {
    const Json answer{{"checkpoint", log.checkpoint_note}, {"key", log.key->text()}, {"proofs", proofs}};
    fmt::print("{}\n", json_text(answer));
    return 0;
  }
  for (const auto& proof : proofs) {
    print_entry(proof.at("entry").get<std::string>());
    fmt::print("{}\n", proof_text(proof, log.checkpoint_note));
  }
  return 0;
}

int prove_consistency(const Session& session, const EvidenceOptions& options) {
  const auto log = read_signed(evidence_directory(session, options.directory), options.key_file);
  if (options.checkpoint_files.size() != 1)
    throw Failure("no checkpoint to compare with", "--checkpoint FILE: one that was kept outside");
  const auto before = open_checkpoint(read_text_file(options.checkpoint_files.front()), *log.key);
  if (!before) throw Failure("the checkpoint kept outside: " + before.error());
  const auto& now = *log.checkpoint;
  const auto proof = before->size <= now.size ? log.tree().consistency(before->size, now.size) : std::nullopt;
  const bool good = proof && merkle::verify_consistency(before->size, now.size, *proof, before->root, now.root);
  Json hashes = Json::array();
  if (proof)
    for (const auto& hash : *proof) hashes.push_back(base64_of(hash));
  const Json answer = {{"consistent", good}, {"from", before->size}, {"to", now.size}, {"proof", hashes}};
  if (session.json) fmt::print("{}\n", json_text(answer));
  if (!session.json && good)
    fmt::print("the {} entries are those of the checkpoint's {}, and more behind them\n", now.size, before->size);
  if (!session.json && !good)
    fmt::print("NOT CONSISTENT: the log is not one that the checkpoint's {} entries were the beginning of\n",
               before->size);
  return good ? 0 : 1;
}

int export_evidence(const Session& session, const EvidenceOptions& options) {
  const auto log = or_failure(
      [&] { return read_evidence(evidence_directory(session, options.directory), read_verifier(options.key_file)); });
  if (options.job.empty()) {
    for (const auto& entry : log.entries) print_entry(entry.text);
  } else if (!options.statement) {
    for (const auto index : entries_of(log, options.job)) print_entry(log.entry(index)->text);
  } else {
    std::string target = "/v1/evidence/jobs/" + options.job + "/statement?entries=";
    for (const auto index : entries_of(log, options.job)) target += fmt::format("{},", index);
    target.pop_back();
    fmt::print("{}\n", operator_client(session).get_json({.target = target}).dump());
  }
  if (log.faults.empty()) return 0;
  fmt::print(stderr, "cordon: the evidence is not whole: {}\n", for_one_line(to_string(log.faults.front())));
  return 1;
}

}  // namespace cordon::cli
