#include "tests/promises/http.hpp"

#include <curl/curl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <stdexcept>
#include <thread>

#include "sandbox/kernel/check.hpp"
#include "tests/promises/process.hpp"

namespace cordon::test {
namespace {

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(bytes, size * count);
  return size * count;
}

std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* into) {
  const std::string line(bytes, size * count);
  const auto colon = line.find(':');
  if (colon != std::string::npos) {
    auto name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto begin = line.find_first_not_of(" \t", colon + 1);
    const auto end = line.find_last_not_of("\r\n");
    (*static_cast<std::map<std::string, std::string>*>(into))[name] =
        begin == std::string::npos || end < begin ? "" : line.substr(begin, end - begin + 1);
  }
  return size * count;
}

Answer perform(const std::string& socket, const Call& call) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(), curl_easy_cleanup);
  curl_slist* list = curl_slist_append(nullptr, "Expect:");
  const bool has_type = std::any_of(call.headers.begin(), call.headers.end(),
                                    [](const std::string& header) { return header.starts_with("Content-Type:"); });
  if (!call.body.empty() && !has_type) list = curl_slist_append(list, "Content-Type: application/json");
  for (const auto& header : call.headers) list = curl_slist_append(list, header.c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list, curl_slist_free_all);

  Answer answer;
  curl_easy_setopt(handle.get(), CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_URL, ("http://cordon" + call.target).c_str());
  curl_easy_setopt(handle.get(), CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(at_test_speed(call.patience).count()));
  curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, static_cast<void*>(&answer.body));
  curl_easy_setopt(handle.get(), CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(handle.get(), CURLOPT_HEADERDATA, static_cast<void*>(&answer.headers));
  if (!call.body.empty() || call.method == "POST") {
    curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDS, call.body.data());
  }
  curl_easy_setopt(handle.get(), CURLOPT_CUSTOMREQUEST, call.method.c_str());
  const auto rc = curl_easy_perform(handle.get());
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  // An answer that arrived whole counts even when the server then closed on our still unsent body (413).
  if (rc != CURLE_OK && answer.status == 0) {
    throw std::runtime_error(call.method + " " + call.target + ": " + curl_easy_strerror(rc));
  }
  return answer;
}

// Credentials belong to a thread (nptl(7), "Credentials"): only this one changes, and it ends with the request.
void become(const Credentials& who) {
  check(::syscall(SYS_setgroups, who.groups.size(), who.groups.data()), "setgroups");
  check(::syscall(SYS_setresgid, who.gid, who.gid, who.gid), "setresgid");
  check(::syscall(SYS_setresuid, who.uid, who.uid, who.uid), "setresuid");
}

}  // namespace

Answer call(const std::string& socket, const Call& call) {
  if (!call.as) return perform(socket, call);
  Answer answer;
  std::exception_ptr failure;
  std::thread([&] {
    try {
      become(*call.as);
      answer = perform(socket, call);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
  return answer;
}

Fd connect_to(const std::string& socket) {
  Fd fd(check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) throw std::runtime_error("the path is too long: " + socket);
  socket.copy(address.sun_path, sizeof address.sun_path - 1);
  check(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect to", socket);
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) return;  // closed by the other side: the test reads what it had to say
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string receive_all(int fd, std::chrono::milliseconds patience) {
  std::string all;
  std::array<char, 65536> chunk{};
  pollfd ready{fd, POLLIN, 0};
  while (::poll(&ready, 1, static_cast<int>(at_test_speed(patience).count())) > 0) {
    const auto n = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (n <= 0) break;
    all.append(chunk.data(), static_cast<std::size_t>(n));
  }
  return all;
}

}  // namespace cordon::test
