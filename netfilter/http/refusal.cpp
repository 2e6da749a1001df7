#include "netfilter/http/refusal.hpp"

namespace cordon::egress {

namespace {

const char* phrase(unsigned status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 408:
      return "Request Timeout";
    case 421:
      return "Misdirected Request";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 502:
      return "Bad Gateway";
    case 504:
      return "Gateway Timeout";
    default:
      return "Forbidden";
  }
}

}  // namespace

unsigned http_status(FlowReason reason) {
  switch (reason) {
    case FlowReason::bad_request:
      return 400;
    case FlowReason::head_too_slow:
      return 408;
    case FlowReason::host_differs:
      return 421;
    case FlowReason::too_many_connections:
    case FlowReason::too_many_connections_per_second:
    case FlowReason::bytes_up_spent:
    case FlowReason::bytes_down_spent:
      return 429;
    case FlowReason::head_too_large:
      return 431;
    case FlowReason::name_not_found:
    case FlowReason::resolver_failed:
    case FlowReason::overloaded:
    case FlowReason::no_wall:
      return 502;
    case FlowReason::connect_failed:
      return 504;
    default:
      return 403;
  }
}

std::string http_refusal(FlowReason reason, std::string_view name, std::uint16_t port) {
  const auto status = std::to_string(http_status(reason));
  const std::string code = to_string(reason);
  std::string body = R"({"error":"egress_denied","code":")" + code + R"(","name":")";
  body.append(name).append(R"(","port":)").append(std::to_string(port)).append("}\n");
  std::string out = "HTTP/1.1 " + status + " " + phrase(http_status(reason)) + "\r\nContent-Type: application/json\r\n";
  out.append("X-Cordon-Deny: ")
      .append(code)
      .append("\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: ");
  return out.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
}

}  // namespace cordon::egress
