#include "cli/client.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <cerrno>

#include "cli/exchange.hpp"
#include "cli/failure.hpp"
#include "cli/terminal.hpp"

namespace cordon::cli {
namespace {

constexpr auto patience = std::chrono::seconds(10);  // until a stream is asked for; it may then be silent for ever

}  // namespace

Response Client::send(const Request& request) const {
  Exchange::Deadline deadline;
  if (request.timeout.count() > 0) deadline = std::chrono::steady_clock::now() + request.timeout;
  Exchange exchange(socket_path_, request, deadline);
  exchange.read_to_the_end();
  return {exchange.status(), exchange.take_body()};
}

Json Client::get_json(const Request& request) const {
  const auto response = send(request);
  if (response.status / 100 != 2) refuse(response);
  return parse_answer(response.body);
}

Stream::Stream(const Client& client, const std::string& target, const Headers& headers)
    : socket_path_(client.socket_path()), request_{"GET", target, {}, headers} {}

Stream::~Stream() = default;

Stream::Event Stream::wait(int wake_fd) {
  if (!exchange_)
    exchange_ = std::make_unique<Exchange>(socket_path_, request_, std::chrono::steady_clock::now() + patience);
  for (;;) {
    bytes_ += exchange_->take_body();
    if (!bytes_.empty()) return Event::bytes;
    if (over_) return Event::ended;
    std::array<pollfd, 2> wanted{{{exchange_->fd(), POLLIN, 0}, {wake_fd, POLLIN, 0}}};
    if (::poll(wanted.data(), wanted.size(), -1) < 0 && errno != EINTR) return Event::ended;
    if (wanted[1].revents != 0) return Event::woken;
    if (wanted[0].revents != 0) over_ = !exchange_->read();
  }
}

std::string Stream::take() {
  return std::exchange(bytes_, {});
}

long Stream::status() const {
  return exchange_ ? exchange_->status() : 0;
}

Json parse_answer(const std::string& body) {
  auto answer = Json::parse(body, nullptr, false);
  if (answer.is_discarded())
    throw Failure("Cordon's answer is not JSON", "is something else listening on this socket?");
  return answer;
}

void refuse(const Response& response) {
  const auto problem = Json::parse(response.body, nullptr, false);
  if (!problem.is_object()) throw Failure(fmt::format("Cordon answered {} without a reason", response.status));
  auto message = fmt::format("{}: {}", problem.value("title", "refused"), problem.value("detail", ""));
  const auto errors = problem.value("errors", Json::array());
  for (const auto& error : errors) {
    if (error.is_object()) message += fmt::format("\n  {}: {}", error.value("pointer", ""), error.value("detail", ""));
  }
  throw Failure(for_terminal(message), for_terminal(problem.value("remedy", "")), response.body);
}

std::string percent_encoded(std::string_view path) {
  constexpr std::string_view safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  std::string out;
  for (const char c : path) {
    if (safe.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace cordon::cli
