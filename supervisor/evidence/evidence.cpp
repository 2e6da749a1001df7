#include "supervisor/evidence/evidence.hpp"

#include <sodium.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <utility>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/message_socket.hpp"
#include "supervisor/text/log.hpp"
#include "supervisor/text/timestamp.hpp"

namespace cordon {
namespace {

constexpr auto between_tries = std::chrono::milliseconds(100);  // no event says that a socket has come to be
constexpr auto between_retries = std::chrono::seconds(1);       // of a ledger that cannot write
constexpr auto greeting_time = std::chrono::seconds(5);
constexpr std::size_t most_noted = 65536;  // while the ledger is away; a job notes one, and no new ones begin

Rejection evidence_unavailable(const std::string& detail, const std::string& remedy) {
  Rejection r = overloaded("evidence_unavailable", detail, 1);
  r.title = "The evidence cannot be written";
  r.remedy = "Nothing was started. " + remedy;
  return r;
}

Rejection ledger_away(const std::string& path, const std::string& why) {
  return evidence_unavailable("cordon-ledger does not answer at " + path + (why.empty() ? "" : ": " + why),
                              "Is cordon-ledger running with this runtime directory?");
}

Rejection not_appended(const NotAppended& refused) {
  const KernelError error(refused.step, refused.object, refused.error);
  const auto remedy = refused.remedy.empty() ? "look at the log of cordon-ledger" : refused.remedy;
  return evidence_unavailable(error.what(), "The operator has to: " + remedy + ".");
}

Fd connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw KernelError("connect to the ledger", path, ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "open a socket"));
  check(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect to the ledger", path);
  return socket;
}

// Of the job whose outcome it is; empty: it is none.
std::string ended_job(const EvidenceRecord& record) {
  const auto job = record.fields.find("job");
  if (record.kind != EvidenceKind::outcome || job == record.fields.end()) return {};
  return std::get<std::string>(job->second);
}

std::uint64_t random_number() {
  std::uint64_t number = 0;
  while (number == 0) randombytes_buf(&number, sizeof number);
  return number;
}

}  // namespace

Evidence::Evidence(asio::any_io_executor executor, std::optional<std::string> socket,
                   const std::optional<std::string>& backlog)
    : executor_(std::move(executor)),
      socket_path_(std::move(socket)),
      socket_(executor_),
      retry_(executor_),
      client_(random_number()) {
  if (is_on()) trouble_ = ledger_away(*socket_path_, "");
  if (is_on() && backlog) backlog_.emplace(*backlog);
}

void Evidence::begin() {
  if (!is_on()) return;
  if (backlog_) say_again(backlog_->read());
  asio::co_spawn(executor_, keep_connected(), asio::detached);
}

void Evidence::say_again(std::vector<EvidenceRecord> records) {
  for (auto& record : records) {
    record.put("retold", std::string("true"));  // the one before may have been written
    enqueue(std::move(record), true).kept = true;
  }
  kept_ += records.size();
  if (!records.empty()) log("evidence_retold", {{"records", std::to_string(records.size())}}, Priority::warning);
}

awaitable<void> Evidence::until_available(Clock::time_point deadline) {
  Waker waker(executor_);
  const Watch watch(changes_, waker);
  while (trouble_ && Clock::now() < deadline) co_await waker.sleep(deadline);
}

awaitable<void> Evidence::keep_connected() {
  asio::steady_timer timer(executor_);
  for (std::string told;;) {
    std::string why;
    try {
      socket_ = {executor_, connect_to(*socket_path_).release()};
      auto greeting = greet();
      co_await std::move(greeting);
      told.clear();
      auto listening = listen();
      co_await std::move(listening);
      why = "it closed the connection";
    } catch (const std::exception& e) {
      why = e.what();
    }
    lose_connection(why);
    if (std::exchange(told, why) != why) log("ledger_away", {{"error", why}}, Priority::critical);
    timer.expires_after(between_tries);
    co_await timer.async_wait(as_result);
  }
}

// What it has of us already is not said again; the rest is, in the same order and with the same numbers.
awaitable<void> Evidence::greet() {
  send_message(socket_.native_handle(), encode(ToLedger(Hello{client_})));
  asio::steady_timer timer(executor_);
  timer.expires_after(greeting_time);
  timer.async_wait([this](boost::system::error_code error) {
    if (!error) socket_.cancel();
  });
  const auto [error] = co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read, as_result);
  timer.cancel();
  if (error) throw KernelError("greet the ledger", *socket_path_, ETIMEDOUT);
  const auto message = receive_message(socket_.native_handle(), max_ledger_message, 0);
  const auto decoded = message ? decode_from_ledger(message->bytes) : std::nullopt;
  const auto* welcome = decoded ? std::get_if<Welcome>(&*decoded) : nullptr;
  if (welcome == nullptr) throw KernelError("greet the ledger", *socket_path_, EBADMSG);
  if (welcome->size < size_seen_)
    throw KernelError("go on with the ledger", "that has fewer entries than it has answered for", EUCLEAN,
                      "its files were rolled back: cordon evidence verify");
  standing_.verifier = welcome->verifier;
  welcome_ = true;
  hear_appended({welcome->last_number, welcome->size});
  log("ledger_answers", {{"entries", std::to_string(welcome->size)}, {"key", welcome->verifier}});
  set_trouble(std::nullopt);
  flush();
}

awaitable<void> Evidence::listen() {
  for (;;) {
    const auto [error] = co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read, as_result);
    if (error) throw KernelError("listen to the ledger", *socket_path_, error.value());
    while (const auto message = receive_message(socket_.native_handle(), max_ledger_message, 0)) {
      if (message->bytes.empty()) co_return;
      const auto decoded = decode_from_ledger(message->bytes);
      if (!decoded) throw KernelError("understand the ledger", *socket_path_, EBADMSG);
      hear(*decoded);
    }
  }
}

void Evidence::hear(const FromLedger& message) {
  if (const auto* appended = std::get_if<Appended>(&message)) return hear_appended(*appended);
  if (const auto* refused = std::get_if<NotAppended>(&message)) return hear_refused(*refused);
  if (const auto* attested = std::get_if<Attested>(&message); attested != nullptr && !asked_.empty()) {
    asked_.front()->answer = *attested;
    asked_.pop_front();
    answers_.ring();
  }
}

void Evidence::hear_appended(const Appended& appended) {
  size_seen_ = standing_.entries = appended.size;
  while (!said_.empty() && said_.front().number <= appended.number) {
    const auto said = std::move(said_.front());
    said_.pop_front();
    if (said.noted) --noted_;
    if (said.kept) --kept_;
    if (const auto job = outcomes_.find(ended_job(said.record)); job != outcomes_.end()) outcomes_.erase(job);
    said.receipt->state = Receipt::State::written;
    said.receipt->changes.ring();
  }
  if (backlog_ && kept_ == 0) backlog_->clear();
  writes_.ring();
  if (trouble_ && welcome_) set_trouble(std::nullopt);
}

// What somebody waits for is refused with it; what was noted is said again, later, as something new.
void Evidence::hear_refused(const NotAppended& refused) {
  if (said_.empty() || said_.front().number != refused.number) return;
  auto said = std::move(said_.front());
  said_.pop_front();
  const auto why = not_appended(refused);
  if (!trouble_) log("evidence_unavailable", {{"error", why.detail}}, Priority::critical);
  set_trouble(why);
  if (!said.noted) {
    said.receipt->why = why;
    said.receipt->state = Receipt::State::failed;
    said.receipt->changes.ring();
    // Somebody has to try again, or nobody would ever know that there is room; and that it was so is evidence, too.
    if (said_.empty()) note(EvidenceRecord{EvidenceKind::refusal, {}}.put("reason", "the evidence: " + why.detail));
  } else {
    keep(said);
    said.sent = false;
    said.number = next_number_++;
    said_.push_back(std::move(said));
  }
  retry_later();
}

void Evidence::retry_later() {
  retry_.expires_after(between_retries);
  retry_.async_wait([this](boost::system::error_code error) {
    if (!error) flush();
  });
}

void Evidence::lose_connection(const std::string& why) {
  welcome_ = false;
  boost::system::error_code ignored;
  socket_.close(ignored);
  give_up_waiting();
  for (auto& asked : asked_) asked->over = true;
  asked_.clear();
  answers_.ring();
  set_trouble(ledger_away(*socket_path_, why));
}

// Nobody waits for a ledger that has gone. What it may have written is said to it again, so that it has it in any case.
void Evidence::give_up_waiting() {
  const auto why = ledger_away(*socket_path_, "the connection ended");
  std::erase_if(said_, [&](Said& said) {
    if (said.noted) return false;
    const auto receipt = std::exchange(said.receipt, std::make_shared<Receipt>());
    receipt->maybe_written = said.sent;
    receipt->why = why;
    receipt->state = Receipt::State::failed;
    receipt->changes.ring();
    said.noted = true;
    if (said.sent) ++noted_;
    return !said.sent;
  });
  for (auto& said : said_) {
    keep(said);
    said.sent = false;
  }
}

// It may wait for long: the next cordond says it if this one ends before.
void Evidence::keep(Said& said) {
  if (!backlog_ || !said.noted || said.kept) return;
  said.record.put("noted_at", rfc3339(std::chrono::system_clock::now()));
  said.kept = backlog_->add(said.record);
  kept_ += said.kept ? 1 : 0;
  if (!said.kept && !std::exchange(backlog_full_, true))
    log("evidence_not_kept", {{"detail", "no room for what waits for the ledger: it would end with cordond"}},
        Priority::critical);
}

void Evidence::set_trouble(std::optional<Rejection> trouble) {
  trouble_ = std::move(trouble);
  changes_.ring();
}

std::optional<Rejection> Evidence::unavailable() const {
  return trouble_;
}

Evidence::Said& Evidence::enqueue(EvidenceRecord record, bool noted) {
  bound(record);
  if (noted) ++noted_;
  const auto receipt = std::make_shared<Receipt>();
  if (auto job = ended_job(record); !job.empty()) outcomes_[std::move(job)] = receipt;
  return said_.emplace_back(Said{next_number_++, std::move(record), receipt, noted});
}

Evidence::ReceiptPtr Evidence::say(EvidenceRecord record, bool noted) {
  auto& said = enqueue(std::move(record), noted);
  flush();
  if (!said.sent || trouble_) keep(said);
  return said.receipt;
}

void Evidence::flush() {
  if (!welcome_ || waiting_for_room_) return;
  for (auto& said : said_) {
    if (said.sent) continue;
    try {
      said.sent = send_message(socket_.native_handle(), encode(ToLedger(Append{said.number, said.record})));
    } catch (const KernelError&) {
      return;  // listen() hears of it as well
    }
    if (!said.sent) return flush_when_writable();
  }
}

void Evidence::flush_when_writable() {
  waiting_for_room_ = true;
  socket_.async_wait(asio::posix::stream_descriptor::wait_write, [this](boost::system::error_code error) {
    waiting_for_room_ = false;
    if (!error) flush();
  });
}

Evidence::ReceiptPtr Evidence::begin_record(EvidenceRecord record) {
  if (is_on() && welcome_) return say(std::move(record), false);
  auto receipt = std::make_shared<Receipt>();
  receipt->state = is_on() ? Receipt::State::failed : Receipt::State::written;
  receipt->why = trouble_;
  return receipt;
}

awaitable<tl::expected<void, Rejection>> Evidence::settled(ReceiptPtr receipt) {
  Waker waker(co_await asio::this_coro::executor);
  const Watch watch(receipt->changes, waker);
  while (receipt->state == Receipt::State::pending) co_await waker.sleep();
  if (receipt->state == Receipt::State::written) co_return tl::expected<void, Rejection>();
  co_return tl::unexpected(receipt->why.value_or(evidence_unavailable("the ledger did not take it", "")));
}

awaitable<tl::expected<void, Rejection>> Evidence::record(EvidenceRecord record) {
  auto settling = settled(begin_record(std::move(record)));
  co_return co_await std::move(settling);
}

Evidence::ReceiptPtr Evidence::note(EvidenceRecord record) {
  if (is_on() && noted_ < most_noted) return say(std::move(record), true);
  auto receipt = std::make_shared<Receipt>();
  receipt->state = is_on() ? Receipt::State::failed : Receipt::State::written;
  if (is_on() && standing_.lost++ == 0)
    log("evidence_lost", {{"detail", "too much waits for the ledger"}}, Priority::critical);
  return receipt;
}

Evidence::ReceiptPtr Evidence::waiting_outcome(const std::string& job) const {
  const auto found = outcomes_.find(job);
  return found == outcomes_.end() ? nullptr : found->second;
}

awaitable<void> Evidence::until_written(ReceiptPtr noted, Clock::time_point deadline) {
  if (noted->state != Receipt::State::pending) co_return;
  Waker waker(executor_);
  const Watch written(noted->changes, waker), changes(changes_, waker);
  while (noted->state == Receipt::State::pending && !trouble_ && Clock::now() < deadline)
    co_await waker.sleep(deadline);
}

awaitable<void> Evidence::until_written(Clock::time_point deadline) {
  Waker waker(executor_);
  const Watch writes(writes_, waker), changes(changes_, waker);
  while (!said_.empty() && !trouble_ && Clock::now() < deadline) co_await waker.sleep(deadline);
}

awaitable<tl::expected<std::string, Rejection>> Evidence::attest(std::string job, std::vector<std::uint64_t> entries) {
  if (!welcome_) co_return tl::unexpected(trouble_.value_or(evidence_unavailable("there is no ledger", "")));
  const auto asked = std::make_shared<Asked>();
  send_message(socket_.native_handle(), encode(ToLedger(Attest{std::move(job), std::move(entries)})));
  asked_.push_back(asked);
  Waker waker(executor_);
  const Watch watch(answers_, waker);
  while (!asked->answer && !asked->over) co_await waker.sleep();
  if (!asked->answer) co_return tl::unexpected(evidence_unavailable("the ledger has gone", ""));
  if (!asked->answer->envelope.empty()) co_return asked->answer->envelope;
  co_return tl::unexpected(not_found("statement of this job: " + asked->answer->why));
}

std::optional<Fd> Evidence::line_for_flows() const {
  if (!welcome_) return std::nullopt;  // there is none, or not the one that it should be
  try {
    auto line = connect_to(*socket_path_);
    if (!send_message(line.get(), encode(ToLedger(Flows{})))) return std::nullopt;
    return line;
  } catch (const KernelError&) {
    return std::nullopt;  // unavailable() says why
  }
}

Evidence::Standing Evidence::standing() const {
  auto standing = standing_;
  standing.waiting = said_.size();
  return standing;
}

}  // namespace cordon
