// The kill switch together with everything outside of it that must agree with it: the page that every launcher's
// process looks at, the file that survives a restart, and root's own word, which it can only read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sandbox/stop_all.hpp"
#include "supervisor/jobs/launcher.hpp"
#include "supervisor/kill/kill_switch.hpp"

namespace cordon {

struct Engaged {
  Engagement engagement;
  std::string not_persisted;  // why it will not survive a restart; empty: it will
};

class KillLatch {
 public:
  // A file that cannot be read or understood means: everything is engaged, until an operator releases it.
  KillLatch(std::string file, StopAllPlaces root, Launcher& launcher);

  // From its return on nothing more of the scope is started. A disk that fails does not keep it from that.
  Engagement engage(const Scope& scope, const std::string& by, const std::string& reason, WallTime now);
  // What is being started is decided about once more: a grant or the policy is another.
  void decide_again();
  Engaged persist(Engagement engagement);              // after what it is for: this waits for a disk
  std::optional<Engaged> release(const Scope& scope);  // nullopt: it was not engaged

  // What keeps this from being started, as far as cordond has to say. (Root's word is the launcher's to look at.)
  std::optional<Engagement> engaged_for(const Membership& member) const { return switch_.engaged_for(member); }
  // Root's stop-all, as an engagement of everything; also when it cannot be found out whether it is engaged.
  std::optional<Engagement> stop_all() const;

  const KillSwitch& state() const { return switch_; }

 private:
  std::string save();  // why not; empty: done

  std::string file_;
  StopAllPlaces root_;
  Launcher& launcher_;
  KillSwitch switch_;
};

}  // namespace cordon
