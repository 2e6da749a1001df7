#include "tests/bench/client.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/beast/http.hpp>
#include <stdexcept>

namespace cordon::bench {

namespace http = boost::beast::http;

Client::Client(const std::string& socket_path) : socket_(io_) {
  socket_.connect(socket_path);
}

test::Answer Client::request(const std::string& method, const std::string& target, const std::string& body) {
  http::request<http::string_body> request;
  request.method_string(method);
  request.target(target);
  request.set(http::field::host, "cordon");
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();
  http::write(socket_, request);
  http::response<http::string_body> response;
  http::read(socket_, buffer_, response);
  return {response.result_int(), {}, std::move(response.body())};
}

void Client::run(const std::string& body) {
  const auto answer = request("POST", "/v1/jobs", body);
  if (answer.status != 200 || answer.body.find(R"("outcome":{"kind":"exited","code":0})") == std::string::npos) {
    throw std::runtime_error("the job failed: " + answer.body);
  }
}

void spawn_and_wait(const std::vector<std::string>& argv) {
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = -1;
  int status = -1;
  if (::posix_spawnp(&pid, words[0], nullptr, nullptr, words.data(), environ) != 0 ||
      ::waitpid(pid, &status, 0) != pid || status != 0) {
    throw std::runtime_error("could not run " + argv[0] + ", status " + std::to_string(status));
  }
}

}  // namespace cordon::bench
