// The sandboxes that stand ready, each an open lifeline (architecture.md, law 4), first in, first out. Which and how
// many is WarmPolicy's to say; here they are begun, listened to, handed out and closed. None is used twice.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "supervisor/catalog.hpp"
#include "supervisor/host_room.hpp"
#include "supervisor/jobs/launcher.hpp"
#include "supervisor/jobs/lifeline.hpp"
#include "supervisor/jobs/outcome.hpp"
#include "supervisor/metrics/metrics.hpp"
#include "supervisor/warm/prestart_choice.hpp"
#include "supervisor/warm/warm_policy.hpp"

namespace cordon {

class Job;

class WarmPool {
 public:
  WarmPool(asio::any_io_executor executor, Launcher& launcher, HostWatch& host, Metrics& metrics);

  void configure(const Catalog& catalog);  // this one is in force from now on
  void launcher_is_back();

  // Of the profile, if there are rules for it.
  const PrestartOffers& offers(const Sha256& profile) const;

  // A job begins, which the interpreter `prestart` may have ("": none may). Its sandbox is closed for good when nobody
  // holds it any more.
  struct Taken {
    LifelinePtr line;      // nullptr: none is there for it
    std::string prestart;  // the interpreter that waits in it; "": none
  };
  Taken take(const Job& job, const std::string& prestart);
  void declined(const Job& job);  // by that interpreter
  // A job has begun in the sandbox that it was given, or that one could not take it: with an interpreter in it, so many
  // in a row keep others from being started for a while, which is told once.
  void took(const Job& job);
  void refused(const Job& job, const Outcome& why);
  // It has its answer, or will have it as soon as whoever waits for it gets the thread.
  void answered(const std::string& job);
  void see_queue(std::size_t waiting) { waiting_ = waiting; }

  std::vector<WarmPolicy::Standing> standing() const { return policy_.standing(Clock::now()); }
  std::size_t most() const { return policy_.most(); }

 private:
  using Id = WarmPolicy::Id;

  LifelinePtr take_one_with(const std::string& prestart, const Job& job);
  void look();
  void look_by(Clock::time_point when);
  bool host_has_room();
  awaitable<void> prepare(WarmPolicy::Wanted wanted);
  awaitable<std::string> stand(Id id, LifelinePtr line);
  void tell_end(const WarmPolicy::Wanted& which, const std::string& why) const;

  asio::any_io_executor executor_;
  Launcher& launcher_;
  HostWatch& host_;
  Metrics& metrics_;
  HostReserve reserve_;
  WarmPolicy policy_;
  std::map<Sha256, PrestartOffers> offers_;  // of the profiles in force
  std::map<Id, LifelinePtr> lines_;          // of those that were opened
  std::size_t waiting_ = 0;
  bool looking_ = false;  // soon
  asio::steady_timer timer_;
  Clock::time_point timer_at_ = Clock::time_point::max();
};

// How many sandboxes may stand at most beside the jobs: each holds two of the ids that jobs live under, and those that
// are being torn down hold theirs a little longer. Pure.
std::size_t most_warm(const Config& config);

}  // namespace cordon
