// The seam between cordond and the ledger: everything that must stay on the record is said here. Evidence is mandatory:
// while the ledger cannot write, nothing new is started; what has happened meanwhile is kept, and told once it can.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "sandbox/kernel/fd.hpp"
#include "supervisor/evidence/backlog.hpp"
#include "supervisor/evidence/ledger_message.hpp"
#include "supervisor/evidence/record.hpp"
#include "supervisor/http/problem.hpp"
#include "supervisor/waker.hpp"

namespace cordon {

class Evidence {
 public:
  // `socket`: of the ledger; nullopt: this instance has none, and records nothing. `backlog`: the file of what waits
  // for it (backlog.hpp); nullopt: that ends with this process.
  Evidence(asio::any_io_executor executor, std::optional<std::string> socket,
           const std::optional<std::string>& backlog = std::nullopt);

  bool is_on() const { return socket_path_.has_value(); }
  void begin();  // connects, and again whenever the connection ends; says what a former cordond could not
  // Comes back when the ledger answers, or then.
  awaitable<void> until_available(Clock::time_point deadline);

  // For what must be on the record before it has an effect. `begin_record` says it to the ledger at once; `settled`
  // comes back when it is written, or with the refusal for whoever asked: then it never will be. Time in between is not
  // lost.
  struct Receipt {
    enum class State : std::uint8_t { pending, written, failed } state = State::pending;
    std::optional<Rejection> why;
    bool maybe_written = false;  // with failed: say what became of it
    Changes changes;
  };
  using ReceiptPtr = std::shared_ptr<Receipt>;
  ReceiptPtr begin_record(EvidenceRecord record);
  static awaitable<tl::expected<void, Rejection>> settled(ReceiptPtr receipt);
  awaitable<tl::expected<void, Rejection>> record(EvidenceRecord record);

  // For what has happened: it is written as soon as the ledger can, in order. The receipt says when it has answered;
  // it is failed only when too much waits already.
  ReceiptPtr note(EvidenceRecord record);
  // Comes back when that is written, or the ledger is away, or then.
  awaitable<void> until_written(ReceiptPtr noted, Clock::time_point deadline);
  // Of the outcome of a job that was noted and is not written yet; nullptr: there is none.
  ReceiptPtr waiting_outcome(const std::string& job) const;
  // Before the end: the same of all that was said.
  awaitable<void> until_written(Clock::time_point deadline);

  // Why nothing may be started: 503 evidence_unavailable. nullopt: it may.
  std::optional<Rejection> unavailable() const;
  Changes& changes() { return changes_; }  // of that

  // A connection to the ledger on which cordon-egress says what it lets out; nullopt: there is none to be had now.
  std::optional<Fd> line_for_flows() const;

  // An in-toto statement over these entries of a job, signed by the ledger; a DSSE envelope.
  awaitable<tl::expected<std::string, Rejection>> attest(std::string job, std::vector<std::uint64_t> entries);

  struct Standing {
    std::uint64_t entries = 0;  // of the ledger, when it last answered
    std::string verifier;       // its public key
    std::size_t waiting = 0;    // not yet written
    std::uint64_t lost = 0;     // noted while too many waited
  };
  Standing standing() const;

 private:
  struct Said {
    std::uint64_t number = 0;
    EvidenceRecord record;
    ReceiptPtr receipt;
    bool noted = false;  // it is said until it is written
    bool sent = false;
    bool kept = false;  // and in the backlog
  };
  awaitable<void> keep_connected();
  awaitable<void> greet();
  awaitable<void> listen();
  Said& enqueue(EvidenceRecord record, bool noted);
  ReceiptPtr say(EvidenceRecord record, bool noted);
  void say_again(std::vector<EvidenceRecord> records);
  void keep(Said& said);
  void flush();
  void flush_when_writable();
  void hear(const FromLedger& message);
  void hear_appended(const Appended& appended);
  void hear_refused(const NotAppended& refused);
  void give_up_waiting();
  void lose_connection(const std::string& why);
  void set_trouble(std::optional<Rejection> trouble);
  void retry_later();

  asio::any_io_executor executor_;
  std::optional<std::string> socket_path_;
  asio::posix::stream_descriptor socket_;
  asio::steady_timer retry_;
  std::optional<EvidenceBacklog> backlog_;
  bool backlog_full_ = false;
  std::uint64_t client_;
  std::uint64_t next_number_ = 1;
  std::deque<Said> said_;                       // and not yet answered; those that were sent come first
  std::size_t noted_ = 0, kept_ = 0;            // of them
  std::map<std::string, ReceiptPtr> outcomes_;  // of them, by job
  bool welcome_ = false, waiting_for_room_ = false;
  std::optional<Rejection> trouble_;
  Standing standing_;
  std::uint64_t size_seen_ = 0;
  struct Asked {
    std::optional<Attested> answer;
    bool over = false;
  };
  std::deque<std::shared_ptr<Asked>> asked_;
  Changes changes_, answers_, writes_;
};

}  // namespace cordon
