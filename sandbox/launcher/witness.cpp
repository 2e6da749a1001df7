#include "sandbox/launcher/witness.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "sandbox/kernel/check.hpp"
#include "sandbox/kernel/message_socket.hpp"

namespace cordon {

namespace {

using namespace std::chrono_literals;
constexpr timeval patience{5, 0};
constexpr auto between_tries = 100ms;  // no event says that a socket has come to be
constexpr auto last_word_patience = 60s;
constexpr auto remedy = "is cordon-ledger running, and is there room on its disk? Its log says";

std::uint64_t random_number() {
  std::uint64_t number = 0;
  check(::getrandom(&number, sizeof number, 0), "get a random number");
  return number;
}

KernelError not_recorded(int error) {
  return {"record the start", "in the evidence", error, remedy};
}

}  // namespace

// That it is the ledger who listens: nobody but it and root can bind there, and the kernel says who did.
void Witness::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto& path = ledger_.socket;
  if (path.size() >= sizeof address.sun_path) throw KernelError("connect to the ledger", path, ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "open a socket for the ledger"));
  for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO})
    check(::setsockopt(socket.get(), SOL_SOCKET, direction, &patience, sizeof patience), "set a patience");
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    throw KernelError("connect to the ledger at", path, errno, remedy);
  ucred peer{};
  socklen_t size = sizeof peer;
  check(::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), "identify", "the ledger");
  if (peer.uid != ledger_.uid)
    throw KernelError("connect to the ledger at", path, EPERM, "somebody else listens there");
  socket_ = std::move(socket);
}

bool Witness::is_written() {
  const auto answer = receive_message(socket_.get(), witness::max_witness_message, 0);
  return answer && witness::decode_written(answer->bytes) == run_;
}

void Witness::begin(witness::Started started) {
  if (ledger_.socket.empty()) return;
  connect();
  run_ = started.run = random_number();
  job_ = started.job;
  if (!send_message(socket_.get(), encode(started))) throw not_recorded(EAGAIN);
}

void Witness::expect_begun() {
  if (ledger_.socket.empty()) return;
  try {
    if (is_written()) return;
  } catch (const KernelError& e) {
    throw not_recorded(e.error);
  }
  throw not_recorded(EIO);
}

void Witness::end(const Finished& finished) {
  if (run_ == 0) return;
  unsaid_ = encode(witness::ended(run_, job_, finished));
  try {
    end_is_sent_ = send_message(socket_.get(), unsaid_);
  } catch (const KernelError&) {
    end_is_sent_ = false;
  }
}

void Witness::finish() {
  for (const auto deadline = std::chrono::steady_clock::now() + last_word_patience; !unsaid_.empty();) {
    try {
      if (!end_is_sent_) connect();
      if (!end_is_sent_) end_is_sent_ = send_message(socket_.get(), unsaid_);
      if (end_is_sent_ && is_written()) unsaid_.clear();
    } catch (const KernelError& e) {
      if (std::chrono::steady_clock::now() > deadline) {
        fmt::print(stderr, "cordon-launcher: how job {} ended is not in the evidence: {}\n", job_, e.what());
        return;
      }
    }
    if (unsaid_.empty()) return;
    end_is_sent_ = false;
    std::this_thread::sleep_for(between_tries);
  }
}

}  // namespace cordon
