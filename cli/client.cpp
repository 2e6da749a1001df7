#include "cli/client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "cli/failure.hpp"
#include "cli/terminal.hpp"

namespace cordon::cli {
namespace {

struct EasyCleanup {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct MultiCleanup {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct ListCleanup {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyCleanup>;
using Multi = std::unique_ptr<CURLM, MultiCleanup>;
using List = std::unique_ptr<curl_slist, ListCleanup>;

std::size_t append_bytes(char* bytes, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(bytes, size * count);
  return size * count;
}

List header_list(const Headers& headers) {
  List list;
  for (const auto& header : headers) {
    auto* longer = curl_slist_append(list.get(), header.c_str());
    if (longer == nullptr) throw Failure("out of memory");
    (void)list.release();  // the longer list holds it
    list.reset(longer);
  }
  return list;
}

template <typename Value>
void set(CURL* handle, CURLoption option, Value value) {
  const auto rc = curl_easy_setopt(handle, option, value);
  if (rc != CURLE_OK) throw Failure(fmt::format("libcurl refuses an option: {}", curl_easy_strerror(rc)));
}

Easy prepare(const std::string& socket_path, const std::string& target, curl_slist* headers, std::string* into) {
  Easy handle(curl_easy_init());
  if (!handle) throw Failure("libcurl cannot start");
  set(handle.get(), CURLOPT_UNIX_SOCKET_PATH, socket_path.c_str());
  set(handle.get(), CURLOPT_URL, ("http://cordon" + target).c_str());
  set(handle.get(), CURLOPT_PATH_AS_IS, 1L);
  set(handle.get(), CURLOPT_PROXY, "");  // http_proxy of the environment is not for us
  set(handle.get(), CURLOPT_NOSIGNAL, 1L);
  set(handle.get(), CURLOPT_HTTPHEADER, headers);
  set(handle.get(), CURLOPT_WRITEFUNCTION, append_bytes);
  set(handle.get(), CURLOPT_WRITEDATA, static_cast<void*>(into));
  return handle;
}

std::string user_name() {
  const char* name = std::getenv("USER");
  return name == nullptr ? "$USER" : name;
}

std::string connect_remedy(const std::string& socket, int error) {
  const bool operators = socket.ends_with("/operator.sock");
  if (error == EACCES || error == EPERM) {
    return fmt::format(
        "only members of its group may open it: see `stat {}`; on an installed Cordon "
        "`usermod -aG {} {}`, then log in again",
        socket, operators ? "cordon-operators" : "cordon", user_name());
  }
  return "start it with `systemctl start cordond`; or from the sources with `./packaging/quickstart --keep "
         "--runtime-dir DIR`, and say `cordon --runtime-dir DIR …`";
}

[[noreturn]] void fail_to_transfer(CURL* handle, CURLcode code, const std::string& socket) {
  long os_error = 0;
  curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &os_error);
  if (code == CURLE_COULDNT_CONNECT) {
    // The kernel's own word on the path is clearer than "connection failed".
    const int error = os_error != 0 ? static_cast<int>(os_error) : (::access(socket.c_str(), W_OK) < 0 ? errno : 0);
    throw Failure(fmt::format("no Cordon answers at {}{}{}", socket, error == 0 ? "" : ": ",
                              error == 0 ? "" : std::strerror(error)),
                  connect_remedy(socket, error));
  }
  if (code == CURLE_COULDNT_RESOLVE_HOST) {  // what libcurl says of a path that does not fit
    throw Failure(fmt::format("the socket's path is too long for unix(7): {}", socket), "use a shorter --runtime-dir");
  }
  if (code == CURLE_OPERATION_TIMEDOUT)
    throw Failure(fmt::format("Cordon does not answer in time at {}", socket),
                  "is cordond well? `cordon kill --all` and `release --all` work without it, as root");
  throw Failure(fmt::format("the connection to Cordon broke: {}", curl_easy_strerror(code)),
                "is cordond still running? `systemctl status cordond`");
}

}  // namespace

Response Client::send(const Request& request) const {
  auto headers = request.headers;
  headers.emplace_back("Expect:");  // no "100-continue" round trip
  if (!request.body.empty()) headers.emplace_back("Content-Type: application/json");
  Response response;
  const auto list = header_list(headers);
  const auto handle = prepare(socket_path_, request.target, list.get(), &response.body);
  if (!request.body.empty() || request.method == "POST") {
    set(handle.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(handle.get(), CURLOPT_POSTFIELDS, request.body.data());
  }
  set(handle.get(), CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(handle.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  const auto rc = curl_easy_perform(handle.get());
  if (rc != CURLE_OK) fail_to_transfer(handle.get(), rc, socket_path_);
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &response.status);
  return response;
}

Json Client::get_json(const Request& request) const {
  const auto response = send(request);
  if (response.status / 100 != 2) refuse(response);
  return parse_answer(response.body);
}

struct Stream::Handles {
  std::string socket_path;
  std::string bytes;
  List headers;
  Multi multi;
  Easy easy;
  bool over = false;
};

Stream::Stream(const Client& client, const std::string& target, const Headers& headers)
    : handles_(std::make_unique<Handles>()) {
  handles_->socket_path = client.socket_path();
  handles_->headers = header_list(headers);
  handles_->multi.reset(curl_multi_init());
  if (!handles_->multi) throw Failure("libcurl cannot start");
  handles_->easy = prepare(client.socket_path(), target, handles_->headers.get(), &handles_->bytes);
  curl_multi_add_handle(handles_->multi.get(), handles_->easy.get());
}

Stream::~Stream() {
  curl_multi_remove_handle(handles_->multi.get(), handles_->easy.get());
}

Stream::Event Stream::wait(int wake_fd) {
  constexpr int one_hour_ms = 3600 * 1000;
  auto* multi = handles_->multi.get();
  while (true) {
    int running = 0;
    curl_multi_perform(multi, &running);
    int left = 0;
    if (const auto* message = curl_multi_info_read(multi, &left); message != nullptr) {
      const auto rc = message->data.result;
      handles_->over = true;
      if (rc == CURLE_COULDNT_CONNECT) fail_to_transfer(handles_->easy.get(), rc, handles_->socket_path);
    }
    if (!handles_->bytes.empty()) return Event::bytes;
    if (handles_->over) return Event::ended;
    curl_waitfd wake{wake_fd, CURL_WAIT_POLLIN, 0};
    curl_multi_poll(multi, &wake, wake_fd < 0 ? 0 : 1, one_hour_ms, nullptr);
    if (wake.revents != 0) return Event::woken;
  }
}

std::string Stream::take() {
  return std::exchange(handles_->bytes, {});
}

long Stream::status() const {
  long status = 0;
  curl_easy_getinfo(handles_->easy.get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
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
