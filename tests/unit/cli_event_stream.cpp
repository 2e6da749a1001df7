// Promise: a job's event stream is read as the HTML standard says, in whatever pieces it arrives.
#include <catch2/catch.hpp>
#include <vector>

#include "cli/sse.hpp"

using cordon::cli::EventParser;
using cordon::cli::ServerEvent;

namespace {

std::vector<ServerEvent> all_of(EventParser& parser) {
  std::vector<ServerEvent> events;
  while (auto event = parser.next()) events.push_back(*event);
  return events;
}

constexpr std::string_view stream =
    ": hello\n\nid: 1\nevent: stdout\ndata: aGk=\n\n"
    "id:2\r\nevent:state\r\ndata:{\"state\":\r\ndata: \"running\"}\r\n\r\n"
    ": keep alive\n\nid: 3\n\nevent: finished\ndata\n\ndata: x: y\n\nevent: cut\ndata: short";

const std::vector<ServerEvent> expected{
    {"stdout", "aGk="}, {"state", "{\"state\":\n\"running\"}"}, {"finished", ""}, {"message", "x: y"}};

}  // namespace

TEST_CASE("an event stream gives the same events whatever pieces it comes in") {
  const auto piece = GENERATE(range<std::size_t>(1, 150));
  EventParser parser;
  std::vector<ServerEvent> events;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    parser.feed(stream.substr(at, piece));
    for (auto& event : all_of(parser)) events.push_back(std::move(event));
  }
  CHECK(events == expected);
  CHECK(parser.last_id() == "3");
}

TEST_CASE("after a broken connection the half-read event is forgotten and the last id is kept") {
  EventParser parser;
  parser.feed("id: 7\nevent: stdout\ndata: AAAA\n\nid: 8\nevent: stdout\ndata: BB");
  CHECK(all_of(parser) == std::vector<ServerEvent>{{"stdout", "AAAA"}});
  CHECK(parser.last_id() == "7");
  parser.restart();
  parser.feed("id: 8\nevent: stdout\ndata: BBBB\n\n");
  CHECK(all_of(parser) == std::vector<ServerEvent>{{"stdout", "BBBB"}});
  CHECK(parser.last_id() == "8");
}
