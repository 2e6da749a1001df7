#include <catch2/catch.hpp>

#include "supervisor/http/framing.hpp"

using namespace cordon;

TEST_CASE("ordinary heads have no fault") {
  for (const char* head :
       {"GET / HTTP/1.1\r\n\r\n", "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n", "GET / HTTP/1.1\r\nX:\r\nY: a\tb\r\n\r\n"}) {
    INFO(head);
    CHECK(framing_fault(head).empty());
  }
}

TEST_CASE("what two readers could understand differently is refused", "[threat:smuggling]") {
  for (const std::string fields : {"Content-Length: 5\r\nTransfer-Encoding: chunked",
                                   "Content-Length: 5\r\nContent-Length: 5",
                                   "Content-Length: 5, 5",
                                   "Content-Length: +5",
                                   "Content-Length: 0x5",
                                   "Content-Length: -1",
                                   "Content-Length:",
                                   "Content-Length: 99999999999999999999",
                                   "content-length: 1\r\nCONTENT-LENGTH: 2",
                                   "Transfer-Encoding: gzip, chunked",
                                   "Transfer-Encoding: identity",
                                   "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                                   "X: a\r\n b",
                                   "X: a\r\n\tb",
                                   "Content-Length : 5",
                                   " Content-Length: 5",
                                   "no colon",
                                   ": nameless",
                                   "Host: a\r\nHost: b",
                                   "X: a\nContent-Length: 5",
                                   "X: a\rb",
                                   "X: \x01"}) {
    INFO(fields);
    CHECK_FALSE(framing_fault("POST / HTTP/1.1\r\n" + fields + "\r\n\r\n").empty());
  }
  CHECK_FALSE(framing_fault("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").empty());
  CHECK_FALSE(framing_fault("GET /\x01 HTTP/1.1\r\n\r\n").empty());
  CHECK_FALSE(framing_fault(std::string("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 26)).empty());
}
