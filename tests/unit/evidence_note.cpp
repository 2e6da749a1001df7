// Keys, signed notes and checkpoints, against the examples of the Go package that defined them.
#include <catch2/catch.hpp>

#include "supervisor/evidence/note.hpp"
#include "supervisor/evidence/statement.hpp"

namespace cordon {
namespace {

// golang.org/x/mod/sumdb/note, package documentation.
constexpr auto known_signer = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr auto known_verifier = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr auto known_text =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
constexpr auto known_signature =
    "\xe2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

Checkpoint some_checkpoint(const NoteSigner& signer) {
  return {signer.verifier().name, 1234, sha256("root")};
}

}  // namespace

TEST_CASE("the key and the note that Go's package documents are read and made byte for byte") {
  const auto signer = NoteSigner::parse(known_signer);
  REQUIRE(signer);
  CHECK(signer->text() == known_signer);
  CHECK(signer->verifier().text() == known_verifier);
  CHECK(signer->verifier().id() == 0xc74f20a3);
  CHECK(signer->signed_note(known_text) == std::string(known_text) + "\n" + known_signature);
}

TEST_CASE("a key whose hash is not its own is no key") {
  std::string text = known_verifier;
  REQUIRE(NoteVerifier::parse(text));
  text[text.find('+') + 1] = 'd';
  CHECK_FALSE(NoteVerifier::parse(text));
  CHECK_FALSE(NoteVerifier::parse("a name+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"));
  CHECK_FALSE(NoteVerifier::parse(""));
  CHECK_FALSE(NoteSigner::parse(known_verifier));
}

TEST_CASE("a checkpoint opens with its key, and with any byte of it changed does not", "[governed:evidence]") {
  const auto signer = NoteSigner::fresh("cordon/test");
  const auto checkpoint = some_checkpoint(signer);
  const auto note = signer.signed_note(checkpoint_text(checkpoint));
  REQUIRE(open_checkpoint(note, signer.verifier()));
  CHECK(*open_checkpoint(note, signer.verifier()) == checkpoint);
  for (std::size_t i = 0; i < note.size(); ++i) {
    auto changed = note;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_FALSE(open_checkpoint(changed, signer.verifier()));
    CHECK_FALSE(open_checkpoint(note.substr(0, i), signer.verifier()));
  }
  CHECK_FALSE(open_checkpoint(note, NoteSigner::fresh("cordon/test").verifier()));
}

TEST_CASE("a checkpoint may be signed by others as well") {
  const auto signer = NoteSigner::fresh("cordon/test");
  const auto witness = NoteSigner::fresh("witness.example");
  const auto text = checkpoint_text(some_checkpoint(signer));
  const auto theirs = witness.signed_note(text).substr(text.size() + 1);
  CHECK(open_checkpoint(signer.signed_note(text) + theirs, signer.verifier()));
  CHECK_FALSE(open_checkpoint(witness.signed_note(text), signer.verifier()));
}

TEST_CASE("a statement names what a job left by its digests, and its envelope opens only unchanged") {
  const auto signer = NoteSigner::fresh("cordon/test");
  const std::vector<std::string> entries{
      R"({"index":3,"job":"j1","kind":"decision"})",
      R"({"artifacts":{"out/a":"aa"},"index":5,"job":"j1","kind":"outcome","stdout_sha256":"bb"})"};
  const auto statement = job_statement("j1", entries);
  REQUIRE(statement);
  CHECK(statement->find(
            R"("subject":[{"name":"stdout","digest":{"sha256":"bb"}},{"name":"out/a","digest":{"sha256":"aa"}}])") !=
        std::string::npos);
  CHECK_FALSE(job_statement("j2", entries));
  CHECK_FALSE(job_statement("j1", {}));
  auto envelope = dsse_envelope(*statement, signer);
  CHECK(open_dsse(envelope, signer.verifier()) == *statement);
  envelope[envelope.find("\"payload\":\"") + 20] ^= 1;
  CHECK_FALSE(open_dsse(envelope, signer.verifier()));
}

}  // namespace cordon
