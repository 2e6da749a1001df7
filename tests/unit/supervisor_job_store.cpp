#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "supervisor/jobs/artifact_writer.hpp"
#include "supervisor/jobs/job_id.hpp"
#include "supervisor/jobs/job_store.hpp"

using namespace cordon;
namespace fs = std::filesystem;

namespace {

class Jobs {
 public:
  JobPtr add(std::uint32_t uid = 1, std::size_t output = 0) {
    JobOrder order;
    order.limits.output_bytes = 1 << 20;
    const auto job =
        std::make_shared<Job>(ids_.next(std::chrono::system_clock::now()), account_of(uid), order, WallTime{});
    if (output > 0) job->write(Stream::out, std::string(output, 'x'));
    job->close(Stream::out);
    store.add(job);
    return job;
  }
  JobPtr end(JobPtr job, const Retention& retention = {100, 1 << 20}) {
    job->finish(Exited{0}, WallTime{});
    store.finished(job, retention);
    return job;
  }
  JobStore store;

 private:
  JobIds ids_;
};

std::vector<std::string> ids(const std::vector<JobPtr>& jobs) {
  std::vector<std::string> out;
  for (const auto& job : jobs) out.push_back(job->id);
  return out;
}

struct Directory {
  Directory() {
    char name[] = "/tmp/cordon-unit-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Directory() { fs::remove_all(path); }
  std::string path;
};

std::size_t files_in(const std::string& dir) {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) count += entry.is_regular_file() ? 1 : 0;
  return count;
}

std::string file_frames(const std::string& path, const std::string& bytes) {
  const auto data = bytes.empty() ? "" : artifacts::encode(artifacts::FileData{bytes});
  return artifacts::encode(artifacts::FileBegin{path}) + data +
         artifacts::encode(artifacts::FileEnd{bytes.size(), sha256(bytes)});
}

}  // namespace

TEST_CASE("ids sort by time of submission, also within a millisecond and when the clock goes back") {
  JobIds ids;
  const auto now = std::chrono::system_clock::now();
  std::string last;
  for (int i = 0; i < 10'000; ++i) {
    const auto id = ids.next(now - std::chrono::milliseconds(i));
    CHECK(is_job_id(id));
    REQUIRE(id > last);
    REQUIRE(id[14] == '7');
    last = id;
  }
  CHECK_FALSE(is_job_id("x"));
  CHECK_FALSE(is_job_id("0192000000000-7000-8000-000000000000"));
}

TEST_CASE("a list is newest first, in pages that go on where the last one ended") {
  Jobs jobs;
  std::vector<std::string> all;
  for (int i = 0; i < 5; ++i) all.insert(all.begin(), jobs.add()->id);
  jobs.add(2);
  JobQuery query;
  query.actor = "uid:1";
  query.limit = 2;
  const auto first = jobs.store.list(query);
  CHECK(ids(first.jobs) == std::vector<std::string>{all[0], all[1]});
  CHECK(first.next == all[1]);
  query.after = first.next;
  const auto second = jobs.store.list(query);
  CHECK(ids(second.jobs) == std::vector<std::string>{all[2], all[3]});
  query.after = second.next;
  const auto last = jobs.store.list(query);
  CHECK(ids(last.jobs) == std::vector<std::string>{all[4]});
  CHECK(last.next.empty());
  CHECK(jobs.store.list({}).jobs.size() == 6);
}

TEST_CASE("a list can be of one state") {
  Jobs jobs;
  jobs.add();
  const auto done = jobs.end(jobs.add());
  JobQuery query;
  query.state = JobState::finished;
  CHECK(ids(jobs.store.list(query).jobs) == std::vector<std::string>{done->id});
}

TEST_CASE("the oldest finished jobs are forgotten by count, running ones never, and that is remembered") {
  Jobs jobs;
  const auto running = jobs.add();
  const auto first = jobs.end(jobs.add(), {2, 1 << 20});
  jobs.store.bind({"uid:1", "key"}, {}, first);
  jobs.end(jobs.add(), {2, 1 << 20});
  CHECK(jobs.store.find(first->id));
  jobs.end(jobs.add(), {2, 1 << 20});
  CHECK_FALSE(jobs.store.find(first->id));
  CHECK(jobs.store.find(running->id));
  CHECK(jobs.store.was_forgotten(first->id, "uid:1"));
  CHECK(jobs.store.was_forgotten(first->id, std::nullopt));
  CHECK_FALSE(jobs.store.was_forgotten(first->id, "uid:2"));
  CHECK_FALSE(jobs.store.was_forgotten(running->id, "uid:1"));
}

TEST_CASE("a key outlives its job: what ran once does not run again because its report is gone") {
  Jobs jobs;
  const auto first = jobs.end(jobs.add(), {1, 1 << 20});
  jobs.store.bind({"uid:1", "key"}, sha256("body"), first);
  jobs.end(jobs.add(), {1, 1 << 20});
  const auto known = jobs.store.find(IdempotencyKey{"uid:1", "key"});
  REQUIRE(known);
  CHECK_FALSE(known->job);
  CHECK(known->id == first->id);
  CHECK(known->request == sha256("body"));
}

TEST_CASE("one actor's flood makes its own jobs go, not another's") {
  Jobs jobs;
  const auto modest = jobs.end(jobs.add(1, 1000), {100, 20'000});
  std::vector<JobPtr> flood;
  for (int i = 0; i < 10; ++i) flood.push_back(jobs.end(jobs.add(2, 6000), {100, 20'000}));
  CHECK(jobs.store.find(modest->id));
  CHECK_FALSE(jobs.store.find(flood.front()->id));
  CHECK(jobs.store.find(flood.back()->id));
  for (int i = 0; i < 10; ++i) flood.push_back(jobs.end(jobs.add(3), {5, 1 << 20}));
  CHECK(jobs.store.find(modest->id));
}

TEST_CASE("jobs are forgotten by the bytes of their output, but the last one stays") {
  Jobs jobs;
  const auto first = jobs.end(jobs.add(1, 6000), {100, 10'000});
  const auto second = jobs.end(jobs.add(1, 60'000), {100, 10'000});
  CHECK_FALSE(jobs.store.find(first->id));
  CHECK(jobs.store.find(second->id));
}

TEST_CASE("keys are per actor") {
  Jobs jobs;
  const auto job = jobs.add(1);
  jobs.store.bind({"uid:1", "k"}, sha256("a"), job);
  CHECK(jobs.store.find(IdempotencyKey{"uid:1", "k"})->request == sha256("a"));
  CHECK_FALSE(jobs.store.find(IdempotencyKey{"uid:2", "k"}));
}

TEST_CASE("artifacts are stored by content and removed with their last holder") {
  const Directory dir;
  ArtifactStore store(dir.path + "/a");
  auto collect = [&] {
    ArtifactWriter writer(store, {10, 1000}, true);
    const auto stream = file_frames("x", "hello") + file_frames("y", "hello") + file_frames("z", "other") +
                        artifacts::encode(artifacts::End{});
    for (const char c : stream) writer.feed(std::string_view(&c, 1));
    return writer.finish();
  };
  auto one = collect();
  REQUIRE(one.artifacts.size() == 3);
  CHECK(one.skipped.empty());
  CHECK(files_in(dir.path) == 2);
  auto two = collect();
  CHECK(files_in(dir.path) == 2);
  one = {};
  CHECK(files_in(dir.path) == 2);
  std::string text(5, ' ');
  const auto file = two.artifacts[0].file->open();
  CHECK(::read(file.get(), text.data(), 5) == 5);
  CHECK(text == "hello");
  two = {};
  CHECK(files_in(dir.path) == 0);
}

TEST_CASE("a store begins empty, whatever a former process left") {
  const Directory dir;
  std::ofstream(dir.path + "/left") << "x";
  const ArtifactStore store(dir.path);
  CHECK(files_in(dir.path) == 0);
}

TEST_CASE("the collector is not believed", "[threat:followed-path]") {
  const Directory dir;
  ArtifactStore store(dir.path + "/a");
  struct Row {
    std::string stream, reason;
  };
  const auto end = artifacts::encode(artifacts::End{});
  const auto begin = artifacts::encode(artifacts::FileBegin{"f"});
  const std::vector<Row> rows{
      {file_frames("../up", "x") + end, "the collector's stream was not valid"},
      {file_frames("a", "") + file_frames("a", "x") + end, "collected twice"},
      {file_frames("big", std::string(1001, 'x')) + end, "more bytes than the profile lets a job leave"},
      {file_frames("a", "") + file_frames("b", "") + file_frames("c", "") + end,
       "more files than the profile lets a job leave"},
      {begin + artifacts::encode(artifacts::FileEnd{0, sha256("x")}) + end, "its bytes changed on the way"},
      {begin + artifacts::encode(artifacts::FileEnd{1, sha256("")}) + end, "its bytes changed on the way"},
      {begin, "the collection broke off in it"},
      {"", "the collection broke off"},
      {begin + begin, "the collection broke off in it"},
      {artifacts::encode(artifacts::FileData{"x"}), "the collector's stream was not valid"},
      {std::string(8, '\xff'), "the collector's stream was not valid"},
      {artifacts::encode(artifacts::End{"stopped at 10 files"}), "stopped at 10 files"},
  };
  for (const auto& row : rows) {
    INFO(row.reason);
    ArtifactWriter writer(store, {2, 1000}, true);
    writer.feed(row.stream);
    const auto collection = writer.finish();
    REQUIRE_FALSE(collection.skipped.empty());
    CHECK(collection.skipped[0].reason == row.reason);
  }
  CHECK(files_in(dir.path) == 0);
}

TEST_CASE("a job that asked for nothing lost nothing when the collector is silent") {
  const Directory dir;
  ArtifactStore store(dir.path + "/a");
  ArtifactWriter writer(store, {2, 1000}, false);
  CHECK(writer.finish().skipped.empty());
}
