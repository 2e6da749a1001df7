#include "supervisor/jobs/lifeline.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/payload.hpp"
#include "supervisor/jobs/survivors.hpp"

namespace cordon {
namespace {

using Pipe = asio::posix::stream_descriptor;

constexpr std::size_t read_bytes = std::size_t{64} * 1024;
constexpr auto drain_time = std::chrono::seconds(5);  // for pipes, after the sandbox is gone
constexpr auto decision_pause =
    std::chrono::milliseconds(10);  // between two of them; by then a launcher's end is known
constexpr int max_decisions = 100;  // each is a launch for nothing, and an engaged kill switch or a new launcher

// An artifact's bytes as memory; the files are ours and never change.
class MappedArtifact {
 public:
  explicit MappedArtifact(const StoredFile& file) : size_(file.size()) {
    if (size_ == 0) return;
    const auto fd = file.open();
    data_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (data_ == MAP_FAILED) throw KernelError("map artifact", "", errno);
  }
  ~MappedArtifact() {
    if (size_ > 0) ::munmap(data_, size_);
  }
  MappedArtifact(const MappedArtifact&) = delete;
  MappedArtifact& operator=(const MappedArtifact&) = delete;
  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }

 private:
  std::size_t size_;
  void* data_ = nullptr;
};

Fd payload_memfd(const JobOrder& order) {
  std::vector<std::unique_ptr<MappedArtifact>> artifacts;
  Payload payload{order.argv, order.env, order.cwd, {}};
  for (const auto& file : order.files) {
    std::string_view content = file.content;
    if (file.artifact) content = artifacts.emplace_back(std::make_unique<MappedArtifact>(*file.artifact))->bytes();
    payload.files.push_back({file.path, file.mode, content});
  }
  SealedMemfdWriter writer("cordon-payload");
  writer.write(encode_payload_head(payload));
  for (const auto& file : payload.files) writer.write(file.content);
  return writer.seal();
}

// What the sandbox is given: kept until the tool is executed, since it may have to be given once more.
struct OrderFiles {
  explicit OrderFiles(JobOrder& order)
      : payload(payload_memfd(order)),
        input(sealed_memfd("cordon-stdin", order.stdin_bytes)),
        globs(sealed_memfd("cordon-globs", encode_globs(order.collect))),
        collects(!order.collect.empty()) {
    order.drop_input();
  }
  void drop() {
    for (auto* fd : {&payload, &input, &globs}) fd->reset();
  }
  Fd payload, input, globs;
  bool collects;  // artifacts are expected
};
using OrderFilesPtr = std::shared_ptr<OrderFiles>;

class Lifeline : public std::enable_shared_from_this<Lifeline> {
 public:
  Lifeline(JobPtr job, OrderFilesPtr files, LauncherSocket socket, ArtifactStore& store,
           const asio::any_io_executor& executor)
      : job_(std::move(job)),
        files_(std::move(files)),
        socket_(std::move(socket)),
        artifacts_(store, job_->order.collect_bounds, files_->collects),
        waker_(executor),
        executor_(executor) {}

  // A launcher that refuses before it has heard anything answers, and closes: then the answer is what counts.
  void send_order(std::uint64_t generation);
  awaitable<Outcome> listen();
  awaitable<void> drain(Clock::time_point deadline);
  awaitable<void> await_empty(Clock::time_point deadline);
  // Nothing of the job ran, and it may have to be decided about again.
  bool is_stale() const { return stale_ || (unsent_ && !answered_); }
  void hang_up() { socket_.half_close(); }

 private:
  std::optional<Outcome> take(ReceivedMessage message);
  std::optional<Outcome> take(const LauncherMessage& message, std::vector<Fd> fds);
  void open_pipes(std::vector<Fd> fds);
  static awaitable<void> pump(std::shared_ptr<Lifeline> self, std::size_t which);
  void pass_on(std::size_t which, std::string_view bytes);

  JobPtr job_;
  OrderFilesPtr files_;
  LauncherSocket socket_;
  ArtifactWriter artifacts_;
  Waker waker_;
  asio::any_io_executor executor_;
  std::vector<Pipe> pipes_;
  std::size_t open_ = 0;
  bool stale_ = false, unsent_ = false, answered_ = false;
};

void Lifeline::send_order(std::uint64_t generation) {
  const auto& order = job_->order;
  const JobSpec spec{job_->id, order.profile_sha256, order.image, order.limits, generation};
  try {
    socket_.send(encode(spec), {files_->payload.get(), files_->input.get(), files_->globs.get()});
  } catch (const KernelError& e) {
    if (e.error != EPIPE && e.error != ECONNRESET) throw;
    unsent_ = true;
  }
}

void Lifeline::pass_on(std::size_t which, std::string_view bytes) {
  if (which == artifacts_fd) {
    artifacts_.feed(bytes);
  } else {
    job_->write(which == stdout_fd ? Stream::out : Stream::err, bytes);
  }
}

// Reads to the end, whatever the limits are: a tool must never block because nobody listens.
awaitable<void> Lifeline::pump(std::shared_ptr<Lifeline> self, std::size_t which) {
  std::string buffer(read_bytes, '\0');
  for (;;) {
    const auto [error, size] = co_await self->pipes_[which].async_read_some(asio::buffer(buffer), as_result);
    if (error) break;
    self->pass_on(which, std::string_view(buffer).substr(0, size));
  }
  --self->open_;
  self->waker_.ring();
}

void Lifeline::open_pipes(std::vector<Fd> fds) {
  for (auto& fd : fds) pipes_.emplace_back(executor_, fd.release());
  open_ = pipes_.size();
  for (std::size_t i = 0; i < pipes_.size(); ++i)
    asio::co_spawn(executor_, pump(shared_from_this(), i), asio::detached);
}

std::optional<Outcome> Lifeline::take(const LauncherMessage& message, std::vector<Fd> fds) {
  if (std::holds_alternative<Accepted>(message)) {
    if (fds.size() != accepted_fd_count || !pipes_.empty()) return Lost{"the launcher's answer had the wrong pipes"};
    job_->cgroup_events = std::move(fds.at(cgroup_events_fd));
    fds.resize(cgroup_events_fd);
    open_pipes(std::move(fds));
    return std::nullopt;
  }
  if (const auto* facts = std::get_if<Started>(&message)) {
    files_->drop();
    job_->become_started(*facts, std::chrono::system_clock::now());
    return std::nullopt;
  }
  if (const auto* end = std::get_if<Finished>(&message)) {
    if (!std::holds_alternative<Hanging>(end->ending)) job_->cgroup_events.reset();
    stale_ = std::holds_alternative<Stale>(end->ending) && job_->hang_up_reason.why == HangUp::no;
    if (stale_) return Outcome(Cancelled{});  // nobody's: it is decided about again
    job_->report = *end;
    return judge(end->ending, job_->hang_up_reason);
  }
  return Lost{"the launcher answered something else"};
}

std::optional<Outcome> Lifeline::take(ReceivedMessage message) {
  if (message.bytes.empty()) return Lost{"the launcher closed the lifeline without a report"};
  const auto decoded = decode_launcher_message(message.bytes);
  if (!decoded) return Lost{"the launcher's message cannot be decoded"};
  answered_ = true;
  return take(*decoded, std::move(message.fds));
}

awaitable<Outcome> Lifeline::listen() {
  for (;;) {
    auto message = co_await socket_.receive();
    auto outcome = take(std::move(message));
    if (outcome) co_return std::move(*outcome);
  }
}

awaitable<void> Lifeline::drain(Clock::time_point deadline) {
  if (is_stale()) {
    for (auto& pipe : pipes_) pipe.close();
    co_return;
  }
  while (open_ > 0 && Clock::now() < deadline) co_await waker_.sleep(deadline);
  if (open_ > 0 && job_->report) {
    job_->report->denials.push_back({"output", std::nullopt, "a pipe was still open 5 s after the end; cut there"});
  }
  for (auto& pipe : pipes_) pipe.close();
  job_->close(Stream::out);
  job_->close(Stream::err);
  if (!pipes_.empty()) job_->collection = artifacts_.finish();
}

// Without a report nobody but the kernel knows what of the job lives.
awaitable<void> Lifeline::await_empty(Clock::time_point deadline) {
  if (job_->report || !job_->cgroup_events) co_return;
  auto waiting = until_empty(&job_->cgroup_events, deadline);
  const bool empty = co_await std::move(waiting);
  if (empty) job_->cgroup_events.reset();
}

awaitable<Outcome> run_lifeline(std::shared_ptr<Lifeline> line) {
  std::optional<Outcome> outcome;
  try {
    outcome = co_await line->listen();
  } catch (const std::exception& e) {
    outcome = Lost{e.what()};
  }
  line->hang_up();  // it has said all, or what nobody understands
  const auto deadline = Clock::now() + drain_time;
  co_await line->drain(deadline);
  co_await line->await_empty(deadline);
  co_return std::move(*outcome);
}

// false: nobody wants the job any more. Throws KernelError when there is no launcher by the deadline.
awaitable<bool> until_there(JobPtr job, Launcher* launcher, Clock::time_point deadline) {
  const auto executor = co_await asio::this_coro::executor;
  Waker waker(executor);
  const Watch watch(launcher->greeted(), waker);
  job->hang_up = [&waker] { waker.ring(); };
  const auto is_wanted = [&] { return job->hang_up_reason.why == HangUp::no; };
  if (is_wanted()) co_await waker.sleep(Clock::now() + decision_pause);
  while (is_wanted() && !launcher->is_there() && Clock::now() < deadline) co_await waker.sleep(deadline);
  job->hang_up = nullptr;
  if (is_wanted() && !launcher->is_there()) {
    throw KernelError("connect to the launcher", launcher->socket_path(), ECONNREFUSED, launcher_remedy);
  }
  co_return is_wanted();
}

// The launcher has ended between the decision to start and now: nothing has run, and there will be another.
// nullopt: nobody wants the job any more.
awaitable<std::optional<LauncherSocket>> connect_to_launcher(JobPtr job, Launcher* launcher) {
  const auto deadline = Clock::now() + greeting_time;
  for (;;) {
    try {
      auto connecting = LauncherSocket::connect(launcher->socket_path());
      co_return co_await std::move(connecting);
    } catch (const KernelError& e) {
      if ((e.error != ECONNREFUSED && e.error != ENOENT) || Clock::now() > deadline) throw;
    }
    auto waiting = until_there(job, launcher, deadline);
    const bool wanted = co_await std::move(waiting);
    if (!wanted) co_return std::nullopt;
  }
}

// nullopt: the kill switch's generation was another when the tool was about to be executed, or what should have built
// the sandbox has ended before it heard of the job.
awaitable<std::optional<Outcome>> connect_and_run(JobPtr job, OrderFilesPtr files, Launcher* launcher,
                                                  ArtifactStore* store) {
  const auto executor = co_await asio::this_coro::executor;
  const auto generation = launcher->generation();  // of the decision: what is decided meanwhile makes it stale
  auto connecting = connect_to_launcher(job, launcher);
  auto socket = co_await std::move(connecting);
  if (!socket || job->hang_up_reason.why != HangUp::no) co_return of_hang_up(job->hang_up_reason);
  auto line = std::make_shared<Lifeline>(job, std::move(files), std::move(*socket), *store, executor);
  line->send_order(generation);
  job->hang_up = [weak = std::weak_ptr(line)] {
    if (const auto alive = weak.lock()) alive->hang_up();
  };
  auto outcome = co_await run_lifeline(line);
  job->hang_up = nullptr;
  if (line->is_stale()) co_return std::nullopt;
  co_return outcome;
}

awaitable<Outcome> decide_and_run(JobPtr job, Launcher* launcher, ArtifactStore* store, Decide decide) {
  const auto files = std::make_shared<OrderFiles>(job->order);
  for (int decisions = 0; decisions < max_decisions; ++decisions) {
    if (auto refused = decide(*job)) co_return std::move(*refused);
    auto outcome = co_await connect_and_run(job, files, launcher, store);
    if (outcome) co_return std::move(*outcome);
    auto waiting = until_there(job, launcher, Clock::now() + greeting_time);
    const bool wanted = co_await std::move(waiting);
    if (!wanted) co_return of_hang_up(job->hang_up_reason);
  }
  throw KernelError("start the job", "before the kill switch or the launcher changed again", EAGAIN, "submit it again");
}

}  // namespace

awaitable<Outcome> run_in_sandbox(JobPtr job, Launcher* launcher, ArtifactStore* store, Decide decide) {
  try {
    co_return co_await decide_and_run(job, launcher, store, std::move(decide));
  } catch (const KernelError& e) {
    co_return SetupFailed{e.step, e.object, e.error, e.remedy};
  } catch (const std::exception& e) {
    co_return SetupFailed{"prepare the job", e.what(), 0, ""};
  }
}

}  // namespace cordon
