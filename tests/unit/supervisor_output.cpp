#include <catch2/catch.hpp>

#include "supervisor/http/event_stream.hpp"
#include "supervisor/jobs/event_log.hpp"
#include "supervisor/jobs/job_json.hpp"
#include "supervisor/jobs/output_buffer.hpp"
#include "supervisor/text/base64.hpp"

using namespace cordon;

namespace {

JobPtr job(std::uint64_t output_bytes = 1000) {
  JobOrder order;
  order.profile = "default";
  order.image = "host";
  order.limits.output_bytes = output_bytes;
  return std::make_shared<Job>("0192", account_of(1000), order, WallTime{});
}

Json whole(const JobPtr& of, std::optional<std::size_t> position = std::nullopt) {
  JobText text(of, position);
  std::string all;
  while (const auto piece = text.next()) all += *piece;
  return Json::parse(all);
}

struct Event {
  std::string name, id, data;
  bool operator==(const Event&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Event& e) {
  return out << e.name << " " << e.id << " " << e.data;
}

std::string after(const std::string& text, const std::string& mark) {
  const auto at = text.find(mark);
  if (at == std::string::npos) return "";
  const auto begin = at + mark.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

std::vector<Event> read(EventReader& reader) {
  std::vector<Event> events;
  for (auto text = reader.next(); text; text = reader.next()) {
    if (reader.done()) break;  // the end of the last event
    events.push_back({after(*text, "event: "), after(*text, "id: "), after(*text, "data: ")});
  }
  return events;
}

std::vector<Event> read_from(const JobPtr& of, std::uint64_t offset) {
  EventReader reader(of, offset);
  return read(reader);
}

}  // namespace

TEST_CASE("output is kept up to its limit and counted beyond it") {
  OutputBuffer buffer(5);
  buffer.append("abc");
  CHECK(buffer.kept() == "abc");
  buffer.append("defg");
  CHECK(buffer.kept() == "abcde");
  CHECK(buffer.written() == 7);
  CHECK(buffer.truncated());
  buffer.append("h");
  CHECK(buffer.written() == 8);
  CHECK(buffer.kept() == "abcde");
}

TEST_CASE("exactly the limit is not truncated") {
  OutputBuffer buffer(3);
  buffer.append("abc");
  buffer.close();
  CHECK_FALSE(buffer.truncated());
  CHECK_FALSE(buffer.over_limit());
  CHECK(buffer.kept() == "abc");
}

TEST_CASE("text is cut at a character, whatever the pieces it came in") {
  const std::string text = "a\xf0\x9f\x98\x80z";  // 1 + 4 + 1 bytes
  for (std::uint64_t limit = 1; limit <= 6; ++limit) {
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
      INFO(limit << " in pieces of " << piece);
      OutputBuffer buffer(limit);
      std::size_t shown = 0;
      for (std::size_t i = 0; i < text.size(); i += piece) {
        buffer.append(std::string_view(text).substr(i, piece));
        CHECK(buffer.kept().size() >= shown);  // what was shown is never taken back
        shown = buffer.kept().size();
      }
      buffer.close();
      CHECK(buffer.kept() == text.substr(0, limit < 5 ? 1 : limit));
      CHECK(buffer.truncated() == (limit < 6));
      CHECK(buffer.written() == 6);
    }
  }
}

TEST_CASE("bytes that are no text are kept to the last one") {
  OutputBuffer buffer(3);
  buffer.append("\xff\xc3\xc3\xc3");
  CHECK(buffer.kept() == "\xff\xc3\xc3");
}

TEST_CASE("an unfinished character at the very end of the output is kept") {
  OutputBuffer buffer(3);
  buffer.append("ab\xc3");
  CHECK(buffer.kept() == "ab");
  buffer.close();
  CHECK(buffer.kept() == "ab\xc3");
  CHECK_FALSE(buffer.truncated());
}

TEST_CASE("a tool that changes streams at every byte does not make an event of each") {
  EventLog log;
  std::uint64_t out = 0, err = 0;
  for (int i = 0; i < 100'000; ++i) {
    log.output(Stream::out, ++out);
    log.output(Stream::err, ++err);
  }
  log.output(Stream::out, out, true);
  log.output(Stream::err, err, true);
  CHECK(log.events().size() < 10'000);
  CHECK(log.end() == 200'000);
}

TEST_CASE("events tell a job from the start to its end, in order") {
  const auto j = job();
  j->become_running();
  j->write(Stream::out, "ab");
  j->write(Stream::err, "c");
  j->write(Stream::out, "d");
  j->conclude(Exited{0}, WallTime{});
  j->finish();
  const auto events = read_from(j, 0);
  REQUIRE(events.size() == 6);
  CHECK(events[0] == Event{"state", "0", R"({"state":"queued"})"});
  CHECK(events[1] == Event{"state", "0", R"({"state":"running"})"});
  CHECK(events[2] == Event{"stdout", "2", "YWI="});
  CHECK(events[3] == Event{"stderr", "3", "Yw=="});
  CHECK(events[4] == Event{"stdout", "4", "ZA=="});
  CHECK(events[5].name == "finished");
  CHECK(Json::parse(events[5].data).at("stdout") == "abd");
}

TEST_CASE("a reader resumes at any offset, also within a piece") {
  const auto j = job();
  j->become_running();
  j->write(Stream::out, "abc");
  j->write(Stream::err, "def");
  j->conclude(Exited{0}, WallTime{});
  j->finish();
  for (std::uint64_t offset = 1; offset <= 6; ++offset) {
    std::string seen;
    for (const auto& event : read_from(j, offset)) {
      if (event.name == "stdout" || event.name == "stderr") seen += event.name[3] + *decode_base64(event.data);
    }
    INFO(offset);
    const std::string expected[] = {"obcedef", "ocedef", "edef", "eef", "ef", ""};
    CHECK(seen == expected[offset - 1]);
  }
}

TEST_CASE("a reader that is ahead of the tool gets each byte once") {
  const auto j = job();
  EventReader reader(j, 0);
  CHECK(read(reader).size() == 1);
  j->become_running();
  j->write(Stream::out, "a");
  CHECK(read(reader).size() == 2);
  j->write(Stream::out, "b");
  CHECK(read(reader) == std::vector<Event>{{"stdout", "2", "Yg=="}});
  CHECK(read(reader).empty());
  CHECK_FALSE(reader.done());
  j->conclude(Cancelled{}, WallTime{});
  j->finish();
  CHECK(read(reader).size() == 1);
  CHECK(reader.done());
  CHECK(read(reader).empty());
}

TEST_CASE("large output comes in bounded events") {
  const auto j = job(1 << 20);
  j->write(Stream::out, std::string(100'000, 'x'));
  EventReader reader(j, 0);
  std::size_t largest = 0, count = 0;
  while (const auto text = reader.next()) {
    largest = std::max(largest, text->size());
    ++count;
  }
  CHECK(largest < 50'000);
  CHECK(count == 5);
}

TEST_CASE("large outputs are rendered in bounded pieces that make one document") {
  const auto j = job(1 << 20);
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += i % 3 == 0 ? "\"\\\n\x01" : "é";
  j->write(Stream::out, text);
  j->write(Stream::err, text + "\xff");
  JobText pieces(j, std::nullopt);
  j->write(Stream::out, "later");  // it was not there yet
  std::string all;
  while (const auto piece = pieces.next()) {
    CHECK(piece->size() < 400'000);
    all += *piece;
  }
  const auto document = Json::parse(all);
  CHECK(document.at("stdout") == text);
  CHECK(document.at("stderr") == base64(text + "\xff"));
  CHECK(document.at("stderr_encoding") == "base64");
}

TEST_CASE("a queued job has its place and no outcome, a finished one has both outputs as text or base64") {
  const auto j = job();
  const auto queued = whole(j, 3);
  CHECK(queued.at("state") == "queued");
  CHECK(queued.at("queue_position") == 3);
  CHECK(queued.at("outcome").is_null());
  CHECK(queued.at("usage").is_null());
  CHECK(queued.at("started_at").is_null());
  j->become_running();
  j->become_started({{{"seccomp", "2"}}, {}}, WallTime{});
  j->write(Stream::out, "é\n");
  j->write(Stream::err, "\xff");
  Finished report;
  report.ending = Exited{0};
  report.usage = {14250, 1000, 42, std::nullopt, std::nullopt, std::nullopt};
  report.denials = {{"pids", 2, "fork"}, {"scratch", std::nullopt, "full"}};
  j->report = report;
  j->collection.artifacts.push_back({"a\xff", 3, {}, nullptr});
  j->conclude(Exited{0}, WallTime{} + std::chrono::milliseconds(5));
  j->finish();
  const auto done = whole(j);
  CHECK_FALSE(listed_job(*j, std::nullopt).contains("stdout"));
  CHECK(listed_job(*j, std::nullopt).at("stdout_bytes") == 3);
  CHECK(done.at("stdout") == "é\n");
  CHECK(done.at("stdout_encoding") == "utf8");
  CHECK(done.at("stdout_bytes") == 3);
  CHECK(done.at("stderr") == "/w==");
  CHECK(done.at("stderr_encoding") == "base64");
  CHECK(done.at("usage").dump() == R"({"wall_ms":14.25,"cpu_ms":1.0,"memory_peak_bytes":42,"pids_peak":null,)"
                                   R"("scratch_files":null,"scratch_bytes":null})");
  CHECK(done.at("denials")[0].at("count") == 2);
  CHECK(done.at("denials")[1].at("count").is_null());
  CHECK(done.at("enforced").at("seccomp") == "2");
  CHECK(done.at("artifacts")[0].at("path_encoding") == "base64");
  CHECK(done.at("finished_at") == "1970-01-01T00:00:00.005Z");
  CHECK(done.at("tenant") == "default");
  CHECK(done.at("actor") == "uid:1000");
  CHECK_FALSE(done.contains("timings"));
  CHECK_FALSE(done.contains("queue_position"));
}
