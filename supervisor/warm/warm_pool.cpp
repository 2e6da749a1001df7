#include "supervisor/warm/warm_pool.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <thread>

#include "sandbox/kernel/check.hpp"
#include "supervisor/jobs/job.hpp"
#include "supervisor/jobs/outcome.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

// Most of preparing is the kernel's work, and a second one at a time gains little (speed.md, "Micro costs").
std::size_t prepared_at_once() {
  return std::thread::hardware_concurrency() >= 4 ? 2 : 1;
}

WarmPolicy::Rules rules_of(const Catalog& catalog) {
  WarmPolicy::Rules rules{{}, most_warm(catalog.config)};
  for (const auto& [name, counts] : catalog.config.warm.value_or(default_warm_rules())) {
    const auto profile = catalog.profiles.find(name);
    if (profile == catalog.profiles.end()) continue;
    // Without what the profile does not have: by default it is asked for, whatever the profile says.
    auto rule = counts;
    std::erase_if(rule.prestart, [&](const auto& prestart) {
      return prestart.second.max == 0 || !profile->second.prestart.contains(prestart.first);
    });
    if (rule.max > 0 || !rule.prestart.empty()) rules.of[profile->second.digest] = {name, std::move(rule)};
  }
  return rules;
}

std::size_t most_of(const WarmRule& rule, std::size_t images) {
  std::size_t most = rule.max * images;
  for (const auto& [name, counts] : rule.prestart) most += counts.max;
  return most;
}

}  // namespace

std::size_t most_warm(const Config& config) {
  const std::size_t leases = config.uid_count / 2;
  const std::size_t spare = leases > config.max_running ? (leases - config.max_running) / 2 : 0;
  std::size_t wanted = 0;
  for (const auto& [profile, counts] : config.warm.value_or(default_warm_rules()))
    wanted += most_of(counts, config.images.size());
  return std::min(spare, wanted);
}

WarmPool::WarmPool(asio::any_io_executor executor, Launcher& launcher, HostWatch& host, Metrics& metrics)
    : executor_(std::move(executor)),
      launcher_(launcher),
      host_(host),
      metrics_(metrics),
      policy_(prepared_at_once()),
      timer_(executor_) {}

void WarmPool::configure(const Catalog& catalog) {
  auto rules = rules_of(catalog);
  offers_.clear();
  for (const auto& [digest, rule] : rules.of)
    offers_[digest] = offers_of(catalog.profiles.at(rule.profile), rule.counts);
  policy_.configure(std::move(rules));
  reserve_ = catalog.config.admission.reserve;
  look();
}

void WarmPool::launcher_is_back() {
  policy_.forget_failures();
  look();
}

const PrestartOffers& WarmPool::offers(const Sha256& profile) const {
  static const PrestartOffers none;
  const auto found = offers_.find(profile);
  return found != offers_.end() ? found->second : none;
}

WarmPool::Taken WarmPool::take(const Job& job, const std::string& prestart) {
  if (!prestart.empty()) {
    if (auto line = take_one_with(prestart, job)) return {std::move(line), prestart};
  }
  return {take_one_with("", job), ""};
}

void WarmPool::declined(const Job& job) {
  metrics_.warm_declined(job.order.profile, job.prestart);
}

void WarmPool::took(const Job& job) {
  if (!job.prestart.empty()) policy_.took({job.order.profile_sha256, job.order.image, job.prestart});
}

void WarmPool::refused(const Job& job, const Outcome& why) {
  if (job.prestart.empty()) return;
  const WarmKind kind{job.order.profile_sha256, job.order.image, job.prestart};
  if (policy_.refused(kind, Clock::now()))
    tell_end({0, kind, job.order.profile},
             fmt::format("no job is taken, {} in a row: {}", WarmPolicy::most_refusals, log_text(why)));
}

LifelinePtr WarmPool::take_one_with(const std::string& prestart, const Job& job) {
  const auto now = Clock::now();
  const auto taken = policy_.take({job.order.profile_sha256, job.order.image, prestart}, job.id, now);
  look_by(policy_.look_again_at(now).value_or(now + WarmPolicy::behind_jobs));  // behind the order, at the soonest
  if (!taken && taken.error() == WarmPolicy::Cold::unruled) return nullptr;
  if (taken && taken->ready) {
    metrics_.warm_hit(job.order.profile, prestart, taken->age);
  } else {
    metrics_.warm_missed(job.order.profile, prestart);
  }
  if (!taken) return nullptr;
  const auto line = lines_.extract(taken->id);
  if (line.empty()) return nullptr;
  line.mapped()->interrupt();  // stand() lets go of it
  return line.mapped();
}

// Behind the answer: whoever waits for it was woken before this.
void WarmPool::answered(const std::string& job) {
  policy_.answered(job);
  if (looking_) return;
  looking_ = true;
  asio::post(executor_, [this] {
    looking_ = false;
    look();
  });
}

bool WarmPool::host_has_room() {
  auto room = host_.look(Clock::now());
  room.launcher = launcher_.is_there();
  std::string what;
  return pressure_of(room, reserve_, what) == Pressure::none;
}

void WarmPool::look() {
  const auto now = Clock::now();
  policy_.see({waiting_, host_has_room()});
  for (const auto id : policy_.drop(now)) {
    const auto line = lines_.extract(id);
    if (!line.empty()) line.mapped()->close();
  }
  while (auto wanted = policy_.next(now)) {
    asio::co_spawn(executor_, prepare(std::move(*wanted)), asio::detached);
  }
  if (const auto when = policy_.look_again_at(now)) look_by(*when);
}

void WarmPool::look_by(Clock::time_point when) {
  if (when >= timer_at_) return;
  timer_at_ = when;
  timer_.expires_at(when);
  timer_.async_wait([this, when](boost::system::error_code error) {
    if (error || timer_at_ != when) return;
    timer_at_ = Clock::time_point::max();
    look();
  });
}

awaitable<void> WarmPool::prepare(WarmPolicy::Wanted wanted) {
  const auto id = wanted.id;
  std::string why;
  try {
    const Preparation preparation{wanted.kind.profile, wanted.kind.image, wanted.kind.prestart};
    auto opening = Lifeline::open(launcher_.socket_path(), preparation);
    auto line = co_await std::move(opening);
    if (!policy_.has(id)) co_return;
    lines_.emplace(id, line);
    policy_.opened(id);
    auto standing = stand(id, std::move(line));
    why = co_await std::move(standing);
  } catch (const std::exception& e) {
    why = e.what();
  }
  if (why.empty() || !policy_.has(id)) co_return;
  lines_.erase(id);
  if (policy_.ended(id, Clock::now())) tell_end(wanted, why);
  look();
}

// Why it ended; empty: a job has it, or it is not wanted any more.
awaitable<std::string> WarmPool::stand(Id id, LifelinePtr line) {
  for (;;) {
    auto hearing = line->hear();
    const auto heard = co_await std::move(hearing);
    if (!heard || !policy_.has(id)) co_return std::string();
    if (std::holds_alternative<Lifeline::Stands>(*heard)) {
      policy_.prepared(id, Clock::now());
      look();
    } else if (const auto* closed = std::get_if<Lifeline::Closed>(&*heard)) {
      co_return closed->why;
    } else if (const auto* finished = std::get_if<Finished>(&*heard)) {
      co_return log_text(judge(finished->ending, {}));
    } else {
      co_return std::string("the launcher started a job that nobody had given it");
    }
  }
}

void WarmPool::tell_end(const WarmPolicy::Wanted& which, const std::string& why) const {
  if (!launcher_.is_there()) return;  // that was told
  log("warm_sandbox_failed",
      {{"profile", which.profile}, {"image", which.kind.image}, {"prestart", which.kind.prestart}, {"why", why}},
      Priority::warning);
}

}  // namespace cordon
