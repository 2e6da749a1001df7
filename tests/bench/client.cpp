#include "tests/bench/client.hpp"

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

}  // namespace cordon::bench
