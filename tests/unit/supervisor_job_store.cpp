#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>

#include "supervisor/jobs/artifact_writer.hpp"
#include "supervisor/jobs/job_id.hpp"
#include "supervisor/jobs/job_json.hpp"
#include "supervisor/jobs/job_report.hpp"
#include "supervisor/jobs/job_store.hpp"
#include "supervisor/jobs/retention.hpp"

using namespace cordon;
namespace fs = std::filesystem;

namespace {

struct Directory {
  Directory() {
    char name[] = "/tmp/cordon-unit-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Directory() { fs::remove_all(path); }
  std::string path;
};

// A store before a journal in a directory of its own; every wait runs the event loop.
class Jobs {
 public:
  explicit Jobs(RetentionLimits limits = {100, 1 << 20, 1000})
      : journal(io.get_executor(), dir.path + "/journal.db"),
        artifacts(dir.path + "/artifacts"),
        evidence(io.get_executor(), std::nullopt),
        store(journal, artifacts, evidence),
        retention(io.get_executor(), journal, store, artifacts, [limits] { return limits; }) {}

  JobPtr add(std::uint32_t uid = 1, std::size_t output = 0, std::optional<std::string> key = std::nullopt) {
    JobOrder order;
    order.limits.output_bytes = 1 << 20;
    const auto job =
        std::make_shared<Job>(ids_.next(std::chrono::system_clock::now()), account_of(uid), order, WallTime{});
    if (output > 0) job->write(Stream::out, std::string(output, 'x'));
    job->close(Stream::out);
    store.add(job);
    if (key) store.bind({job->account.actor, *key}, sha256("body"), job);
    const ReceivedRow row{job->id, job->account.actor, "default", key, sha256("body"), report_text(*job), {}, 0};
    wait(journal.write([row](JobRows& rows) { rows.receive(row); }, Durability::process));
    job->accept(true);
    return job;
  }
  JobPtr end(JobPtr job) {
    job->conclude(Exited{0}, WallTime{});
    const auto row = ended_row(*job, 0);
    wait(journal.write([row](JobRows& rows) { rows.end(row); }, Durability::process));
    job->finish();
    store.ended(job->id);
    retention.ended(job->account.actor, row.bytes);
    for (int i = 0; i < 3; ++i) wait(journal.write([](JobRows&) {}, Durability::process));  // what it has begun
    return job;
  }

  template <typename T>
  T wait(awaitable<T> what) {
    auto done = asio::co_spawn(io, std::move(what), asio::use_future);
    io.restart();
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) io.run_one();
    return done.get();
  }
  JobPtr find(const std::string& id) { return wait(store.find(id)); }
  auto find_key(const std::string& actor, const std::string& key) {
    return wait(store.find(IdempotencyKey{actor, key}));
  }
  JobPage list(const JobQuery& query) { return wait(store.list(query)); }
  bool was_forgotten(const std::string& id, const std::optional<std::string>& actor) {
    return wait(store.was_forgotten(id, actor));
  }

  Directory dir;
  asio::io_context io{1};
  Journal journal;
  ArtifactStore artifacts;
  Evidence evidence;
  JobStore store;
  Retention retention;

 private:
  JobIds ids_;
};

std::vector<std::string> ids(const std::vector<JobPtr>& jobs) {
  std::vector<std::string> out;
  for (const auto& job : jobs) out.push_back(job->id);
  return out;
}

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

TEST_CASE("a list that is cut where reports are long goes on there, and misses no job") {
  Jobs jobs({100, std::uint64_t{1} << 30, 1000});
  std::vector<std::string> all;
  for (int i = 0; i < 7; ++i) {
    const auto job = jobs.add();
    all.insert(all.begin(), job->id);
    job->order.labels["large"] = std::string(std::size_t{1} << 20, 'x');
    jobs.end(job);
  }
  JobQuery query;
  query.limit = 100;
  std::vector<std::string> seen;
  int pages = 0;
  do {
    const auto page = jobs.list(query);
    for (const auto& id : ids(page.jobs)) seen.push_back(id);
    query.after = page.next;
    ++pages;
  } while (!query.after.empty() && pages < 20);
  CHECK(pages > 1);
  CHECK(seen == all);
}

TEST_CASE("a list is newest first, in pages that go on where the last one ended") {
  Jobs jobs;
  std::vector<std::string> all;
  for (int i = 0; i < 5; ++i) all.insert(all.begin(), jobs.add()->id);
  jobs.add(2);
  JobQuery query;
  query.actor = "uid:1";
  query.limit = 2;
  const auto first = jobs.list(query);
  CHECK(ids(first.jobs) == std::vector<std::string>{all[0], all[1]});
  CHECK(first.next == all[1]);
  query.after = first.next;
  const auto second = jobs.list(query);
  CHECK(ids(second.jobs) == std::vector<std::string>{all[2], all[3]});
  query.after = second.next;
  const auto last = jobs.list(query);
  CHECK(ids(last.jobs) == std::vector<std::string>{all[4]});
  CHECK(last.next.empty());
  CHECK(jobs.list({}).jobs.size() == 6);
}

TEST_CASE("a list can be of one state") {
  Jobs jobs;
  jobs.add();
  const auto done = jobs.end(jobs.add());
  JobQuery query;
  query.state = JobState::finished;
  CHECK(ids(jobs.list(query).jobs) == std::vector<std::string>{done->id});
}

TEST_CASE("the oldest finished jobs are forgotten by count, running ones never, and that is remembered") {
  Jobs jobs({2, 1 << 20, 1000});
  const auto running = jobs.add();
  const auto first = jobs.end(jobs.add());
  jobs.end(jobs.add());
  CHECK(jobs.find(first->id));
  jobs.end(jobs.add());
  CHECK_FALSE(jobs.find(first->id));
  CHECK(jobs.find(running->id));
  CHECK(jobs.was_forgotten(first->id, "uid:1"));
  CHECK(jobs.was_forgotten(first->id, std::nullopt));
  CHECK_FALSE(jobs.was_forgotten(first->id, "uid:2"));
  CHECK_FALSE(jobs.was_forgotten(running->id, "uid:1"));
}

TEST_CASE("a key outlives its job: what ran once does not run again because its report is gone") {
  Jobs jobs({1, 1 << 20, 1000});
  const auto first = jobs.end(jobs.add(1, 0, "key"));
  jobs.end(jobs.add());
  const auto known = jobs.find_key("uid:1", "key");
  REQUIRE(known);
  CHECK(known->id == first->id);
  CHECK(known->request == sha256("body"));
  CHECK_FALSE(jobs.find(first->id));
}

TEST_CASE("one actor's flood makes its own jobs go, not another's") {
  Jobs jobs({100, 60'000, 1000});
  const auto modest = jobs.end(jobs.add(1, 1000));
  std::vector<JobPtr> flood;
  for (int i = 0; i < 20; ++i) flood.push_back(jobs.end(jobs.add(2, 6000)));
  CHECK(jobs.find(modest->id));
  CHECK_FALSE(jobs.find(flood.front()->id));
  CHECK(jobs.find(flood.back()->id));
}

TEST_CASE("jobs are forgotten by the bytes of their output, but the last one stays") {
  Jobs jobs({100, 10'000, 1000});
  const auto first = jobs.end(jobs.add(1, 6000));
  const auto second = jobs.end(jobs.add(1, 60'000));
  CHECK_FALSE(jobs.find(first->id));
  CHECK(jobs.find(second->id));
}

TEST_CASE("keys are per actor") {
  Jobs jobs;
  jobs.add(1, 0, "k");
  CHECK(jobs.find_key("uid:1", "k")->request == sha256("body"));
  CHECK_FALSE(jobs.find_key("uid:2", "k"));
}

TEST_CASE("what is no longer in memory is read from the journal as it was, by another process too") {
  Jobs jobs;
  const auto job = jobs.add(1, 5000);
  job->write(Stream::err, "no\xfftext");
  job->close(Stream::err);
  jobs.end(job);
  jobs.store.forgotten(job->id);  // from memory only
  const auto again = jobs.find(job->id);
  REQUIRE(again);
  REQUIRE(again != job);
  CHECK(again->state == JobState::finished);
  CHECK(again->account == job->account);
  CHECK(again->output[0].kept() == job->output[0].kept());
  CHECK(again->output[1].kept() == job->output[1].kept());
  CHECK_FALSE(again->output[1].is_text());
  CHECK(again->log.end() == job->log.end());
  CHECK(listed_job(*again, std::nullopt) == listed_job(*job, std::nullopt));
  CHECK(ids(jobs.list({}).jobs) == std::vector<std::string>{job->id});
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

TEST_CASE("a kept file outlives its holders and the process: what was still being written does not") {
  const Directory dir;
  const auto hello = sha256("hello");
  {
    ArtifactStore store(dir.path + "/a");
    auto draft = store.create();
    REQUIRE(::write(draft->fd.get(), "hello", 5) == 5);
    const auto file = store.adopt(std::move(draft), 5, hello);
    store.keep(hello);
    const auto unfinished = store.create();
    CHECK(files_in(dir.path) == 2);
    unfinished->path.clear();  // as when the process is killed
  }
  CHECK(files_in(dir.path) == 2);
  ArtifactStore store(dir.path + "/a");
  CHECK(files_in(dir.path) == 1);
  CHECK(store.open(hello, 5)->size() == 5);
  CHECK(files_in(dir.path) == 1);
  const auto held = store.open(hello, 5);
  store.drop(hello);
  CHECK(files_in(dir.path) == 1);  // as long as somebody reads it
}

TEST_CASE("a sweep removes what nobody has, and nothing that came to be in use meanwhile") {
  const Directory dir;
  const auto put = [](ArtifactStore& store, const std::string& text) {
    auto draft = store.create();
    REQUIRE(::write(draft->fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    auto file = store.adopt(std::move(draft), text.size(), sha256(text));
    store.keep(sha256(text));
    return file;
  };
  {
    ArtifactStore former(dir.path + "/a");
    put(former, "one");
    put(former, "two");
  }
  ArtifactStore store(dir.path + "/a");
  CHECK(store.begin_sweep().size() == 2);
  put(store, "two");
  store.sweep(sha256("one"));
  store.sweep(sha256("two"));
  store.end_sweep();
  CHECK(files_in(dir.path) == 1);
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

TEST_CASE("what a call left is told against what it was given: added, changed, removed, each with its digest") {
  using artifacts::Left;
  using artifacts::LeftKind;
  const Directory dir;
  ArtifactStore store(dir.path + "/a");
  const std::vector<OrderedFile> given{
      {"in/same", 0644, "same", nullptr}, {"in/other", 0644, "other", nullptr}, {"gone", 0644, "gone", nullptr}};
  ArtifactWriter writer(store, {2, 1000}, true, ScratchSurvey(given_scratch(given)));
  for (const auto& left :
       {Left{"work/in", LeftKind::directory}, Left{"work/in/same", LeftKind::file, 4, sha256("same")},
        Left{"work/in/other", LeftKind::file, 5, sha256("rehto")}, Left{"tmp/new", LeftKind::file, 1, sha256("x")},
        Left{"shm/pipe", LeftKind::other}, Left{"upper-/etc/x", LeftKind::file},
        Left{"upper-usr/bin/x", LeftKind::file}})
    writer.feed(artifacts::encode(left));
  writer.feed(artifacts::encode(artifacts::SurveyEnd{true}) + artifacts::encode(artifacts::End{}));
  const auto collection = writer.finish();
  CHECK(collection.skipped.empty());
  REQUIRE(collection.scratch);
  const auto& changes = *collection.scratch;
  CHECK(changes.complete);
  REQUIRE(changes.added.entries.size() == 4);
  CHECK(changes.added.entries[0].path == "/tmp/new");
  CHECK(changes.added.entries[0].sha256 == sha256("x"));
  CHECK(changes.added.entries[1].path == "/dev/shm/pipe");
  CHECK(changes.added.entries[2].path == "/etc/x");
  CHECK(changes.added.entries[3].path == "/usr/bin/x");
  REQUIRE(changes.changed.entries.size() == 1);
  CHECK(changes.changed.entries[0].path == "/work/in/other");
  CHECK(changes.changed.entries[0].sha256 == sha256("rehto"));
  REQUIRE(changes.removed.entries.size() == 1);
  CHECK(changes.removed.entries[0].path == "/work/gone");
  CHECK(changes.removed.entries[0].sha256 == sha256("gone"));
}

TEST_CASE("a survey that breaks off, lies or was not asked for is not taken for a whole one") {
  using artifacts::Left;
  const Directory dir;
  ArtifactStore store(dir.path + "/a");
  const auto whole = artifacts::encode(artifacts::SurveyEnd{true}) + artifacts::encode(artifacts::End{});
  for (const auto& stream : {std::string(), artifacts::encode(Left{"work/a"}), std::string(8, '\xff'),
                             artifacts::encode(artifacts::SurveyEnd{true}) + std::string(8, '\xff'),
                             artifacts::encode(artifacts::SurveyEnd{false}) + artifacts::encode(artifacts::End{})}) {
    ArtifactWriter writer(store, {2, 1000}, true, ScratchSurvey({}));
    writer.feed(stream);
    const auto collection = writer.finish();
    CHECK_FALSE(collection.scratch->complete);
  }
  ArtifactWriter unasked(store, {2, 1000}, false);
  unasked.feed(artifacts::encode(Left{"work/a"}) + whole);
  const auto collection = unasked.finish();
  CHECK_FALSE(collection.scratch);
  CHECK(collection.skipped.at(0).reason == "the collector's stream was not valid");
  ArtifactWriter many(store, {2, 1000}, true, ScratchSurvey({}));
  for (int i = 0; i < 1000; ++i) many.feed(artifacts::encode(Left{"work/" + std::to_string(i)}));
  many.feed(whole);
  const auto flood = many.finish();
  CHECK(flood.scratch->added.count == 1000);
  CHECK(flood.scratch->added.entries.size() == 256);
}

TEST_CASE("a job that asked for nothing lost nothing when the collector is silent") {
  const Directory dir;
  ArtifactStore store(dir.path + "/a");
  ArtifactWriter writer(store, {2, 1000}, false);
  CHECK(writer.finish().skipped.empty());
}
