#include "supervisor/jobs/lifeline.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include "sandbox/job_spec.hpp"
#include "sandbox/kernel/check.hpp"
#include "sandbox/payload.hpp"
#include "supervisor/jobs/launcher_socket.hpp"

namespace cordon {
namespace {

using Pipe = asio::posix::stream_descriptor;

constexpr std::size_t read_bytes = std::size_t{64} * 1024;
constexpr auto drain_time = std::chrono::seconds(5);  // for pipes, after the sandbox is gone

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

class Lifeline : public std::enable_shared_from_this<Lifeline> {
 public:
  Lifeline(JobPtr job, LauncherSocket socket, ArtifactStore& store, const asio::any_io_executor& executor)
      : job_(std::move(job)),
        socket_(std::move(socket)),
        artifacts_(store, job_->order.collect_bounds, !job_->order.collect.empty()),
        waker_(executor),
        executor_(executor) {}

  void send_order();
  awaitable<Outcome> listen();
  awaitable<void> drain();
  void hang_up() { socket_.half_close(); }

 private:
  std::optional<Outcome> take(ReceivedMessage message);
  std::optional<Outcome> take(const LauncherMessage& message, std::vector<Fd> fds);
  void open_pipes(std::vector<Fd> fds);
  static awaitable<void> pump(std::shared_ptr<Lifeline> self, std::size_t which);
  void pass_on(std::size_t which, std::string_view bytes);

  JobPtr job_;
  LauncherSocket socket_;
  ArtifactWriter artifacts_;
  Waker waker_;
  asio::any_io_executor executor_;
  std::vector<Pipe> pipes_;
  std::size_t open_ = 0;
};

void Lifeline::send_order() {
  auto& order = job_->order;
  const auto payload = payload_memfd(order);
  const auto input = sealed_memfd("cordon-stdin", order.stdin_bytes);
  const auto globs = sealed_memfd("cordon-globs", encode_globs(order.collect));
  const JobSpec spec{job_->id, order.profile_sha256, order.image, order.limits};
  socket_.send(encode(spec), {payload.get(), input.get(), globs.get()});
  order.drop_input();
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
    open_pipes(std::move(fds));
    return std::nullopt;
  }
  if (const auto* facts = std::get_if<Started>(&message)) {
    job_->become_started(*facts, std::chrono::system_clock::now());
    return std::nullopt;
  }
  if (const auto* end = std::get_if<Finished>(&message)) {
    job_->report = *end;
    return judge(end->ending, job_->hang_up_reason);
  }
  return Lost{"the launcher answered something else"};
}

std::optional<Outcome> Lifeline::take(ReceivedMessage message) {
  if (message.bytes.empty()) return Lost{"the launcher closed the lifeline without a report"};
  const auto decoded = decode_launcher_message(message.bytes);
  if (!decoded) return Lost{"the launcher's message cannot be decoded"};
  return take(*decoded, std::move(message.fds));
}

awaitable<Outcome> Lifeline::listen() {
  for (;;) {
    auto message = co_await socket_.receive();
    auto outcome = take(std::move(message));
    if (outcome) co_return std::move(*outcome);
  }
}

awaitable<void> Lifeline::drain() {
  const auto deadline = Clock::now() + drain_time;
  while (open_ > 0 && Clock::now() < deadline) co_await waker_.sleep(deadline);
  if (open_ > 0 && job_->report) {
    job_->report->denials.push_back({"output", std::nullopt, "a pipe was still open 5 s after the end; cut there"});
  }
  for (auto& pipe : pipes_) pipe.close();
  job_->close(Stream::out);
  job_->close(Stream::err);
  if (!pipes_.empty()) job_->collection = artifacts_.finish();
}

awaitable<Outcome> run_lifeline(std::shared_ptr<Lifeline> line) {
  std::optional<Outcome> outcome;
  try {
    outcome = co_await line->listen();
  } catch (const std::exception& e) {
    outcome = Lost{e.what()};
  }
  co_await line->drain();
  co_return std::move(*outcome);
}

// A launcher that refuses before it has heard anything answers, and closes: then the answer is what counts.
std::optional<KernelError> try_to_send(Lifeline& line) {
  try {
    line.send_order();
  } catch (const KernelError& e) {
    if (e.error != EPIPE) throw;
    return e;
  }
  return std::nullopt;
}

awaitable<Outcome> connect_and_run(JobPtr job, std::string launcher_socket, ArtifactStore* store) {
  const auto executor = co_await asio::this_coro::executor;
  auto socket = co_await LauncherSocket::connect(launcher_socket);
  if (job->hang_up_reason != HangUp::no) co_return Cancelled{};
  auto line = std::make_shared<Lifeline>(job, std::move(socket), *store, executor);
  const auto unsent = try_to_send(*line);
  job->hang_up = [weak = std::weak_ptr(line)] {
    if (const auto alive = weak.lock()) alive->hang_up();
  };
  auto outcome = co_await run_lifeline(line);
  job->hang_up = nullptr;
  if (unsent && std::holds_alternative<Lost>(outcome)) throw KernelError(*unsent);  // it has nothing that could be lost
  co_return outcome;
}

}  // namespace

awaitable<Outcome> run_in_sandbox(JobPtr job, std::string launcher_socket, ArtifactStore& store) {
  try {
    co_return co_await connect_and_run(job, launcher_socket, &store);
  } catch (const KernelError& e) {
    co_return SetupFailed{e.step, e.object, e.error, e.remedy};
  } catch (const std::exception& e) {
    co_return SetupFailed{"prepare the job", e.what(), 0, ""};
  }
}

awaitable<Greeting> greet_launcher(std::string socket_path, Clock::time_point deadline) {
  const auto executor = co_await asio::this_coro::executor;
  auto connected = co_await LauncherSocket::connect(socket_path);
  const auto socket = std::make_shared<LauncherSocket>(std::move(connected));
  socket->send(encode_hello());
  asio::steady_timer timer(executor, deadline);
  timer.async_wait([weak = std::weak_ptr(socket)](boost::system::error_code error) {
    const auto alive = weak.lock();
    if (!error && alive) alive->cancel();
  });
  const auto message = co_await socket->receive();
  const auto answer = decode_launcher_message(message.bytes);
  const auto* ready = answer ? std::get_if<Ready>(&*answer) : nullptr;
  if (ready == nullptr) throw KernelError("greet the launcher", socket_path, EPROTO, "Are both of one version?");
  Greeting greeting{*ready, socket};
  co_return greeting;
}

}  // namespace cordon
