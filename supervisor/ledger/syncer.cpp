#include "supervisor/ledger/syncer.hpp"

#include <sys/eventfd.h>

#include <csignal>

#include "sandbox/kernel/check.hpp"
#include "supervisor/ledger/files.hpp"

namespace cordon::ledger {

Syncer::Syncer(std::string directory, const NoteSigner& signer)
    : directory_(std::move(directory)),
      signer_(signer),
      done_(check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "make an eventfd")) {
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { work(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Syncer::~Syncer() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Syncer::begin(Store::Unsigned what) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = std::move(what);
  }
  busy_ = true;
  changed_.notify_all();
}

std::optional<Syncer::Done> Syncer::take_done() {
  std::uint64_t count = 0;
  if (::read(done_.get(), &count, sizeof count) < 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  auto done = std::move(result_);
  result_.reset();
  if (done) busy_ = false;
  return done;
}

Syncer::Done Syncer::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return result_.has_value(); });
  auto done = std::move(*result_);
  result_.reset();
  busy_ = false;
  return done;
}

void Syncer::work() {
  for (;;) {
    std::optional<Store::Unsigned> what;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return wanted_.has_value() || ending_; });
      if (!wanted_) return;
      what = std::move(wanted_);
      wanted_.reset();
    }
    auto done = bring_to_disk(*what);
    {
      const std::lock_guard lock(mutex_);
      result_ = std::move(done);
    }
    changed_.notify_all();
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto told = ::write(done_.get(), &one, sizeof one);
  }
}

Syncer::Done Syncer::bring_to_disk(const Store::Unsigned& what) const {
  Done done{what.checkpoint.size, signer_.signed_note(checkpoint_text(what.checkpoint)), "", false};
  try {
    done.lost = true;
    for (const auto& segment : what.segments) check(::fdatasync(segment.get()), "flush a segment of", directory_);
    done.lost = false;
    replace_file(directory_ + "/checkpoint", done.note, 0640);
  } catch (const KernelError& e) {
    done.trouble = e.what();
  }
  return done;
}

}  // namespace cordon::ledger
