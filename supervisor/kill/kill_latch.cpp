#include "supervisor/kill/kill_latch.hpp"

#include "sandbox/kernel/check.hpp"
#include "supervisor/kill/kill_file.hpp"
#include "supervisor/text/log.hpp"

namespace cordon {
namespace {

constexpr const char* ourselves = "cordond";  // no actor: actors are "uid:N" or named in the configuration

KillSwitch load_or_engage_all(const std::string& file) {
  const auto now = std::chrono::system_clock::now();
  try {
    return load_kill_switch(file);
  } catch (const KernelError& e) {
    log("kill_switch_unreadable", {{"file", file}, {"error", e.what()}, {"engaged", "all"}});
    // A generation that no earlier cordond is likely to have had.
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    KillSwitch state(static_cast<std::uint64_t>(ms), {});
    state.engage(Scope{}, ourselves, std::string("what was engaged is not known: ") + e.what(), now);
    return state;
  }
}

}  // namespace

KillLatch::KillLatch(std::string file, StopAllPlaces root, Launcher& launcher)
    : file_(std::move(file)), root_(std::move(root)), launcher_(launcher), switch_(load_or_engage_all(file_)) {
  launcher_.set_generation(switch_.generation());
  for (const auto& one : switch_.engaged())
    log("kill_still_engaged", {{"scope", to_string(one.scope)}, {"by", one.by}, {"reason", one.reason}});
}

// Admission reads the switch, so that it is closed first; then what is being built.
Engagement KillLatch::engage(const Scope& scope, const std::string& by, const std::string& reason, WallTime now) {
  auto engagement = switch_.engage(scope, by, reason, now);
  launcher_.set_generation(switch_.generation());
  return engagement;
}

void KillLatch::decide_again() {
  switch_.renew();
  launcher_.set_generation(switch_.generation());
}

Engaged KillLatch::persist(Engagement engagement) {
  auto trouble = save();
  log("kill_engaged", {{"scope", to_string(engagement.scope)},
                       {"generation", std::to_string(engagement.generation)},
                       {"by", engagement.by},
                       {"reason", engagement.reason},
                       {"not_persisted", trouble}});
  return {std::move(engagement), std::move(trouble)};
}

std::optional<Engaged> KillLatch::release(const Scope& scope) {
  auto released = switch_.release(scope);
  if (!released) return std::nullopt;
  auto trouble = save();
  log("kill_released", {{"scope", to_string(scope)}, {"not_persisted", trouble}});
  return Engaged{std::move(*released), std::move(trouble)};
}

std::optional<Engagement> KillLatch::stop_all() const {
  try {
    auto word = read_stop_all(root_);
    if (!word) return std::nullopt;
    return Engagement{Scope{}, switch_.generation(), word->engaged_at, std::move(word->by), std::move(word->reason)};
  } catch (const KernelError& e) {
    return Engagement{Scope{}, switch_.generation(), std::chrono::system_clock::now(), ourselves,
                      std::string("whether root has engaged it is not known: ") + e.what()};
  }
}

std::string KillLatch::save() {
  try {
    save_kill_switch(file_, switch_);
    return {};
  } catch (const KernelError& e) {
    return e.what();
  }
}

}  // namespace cordon
