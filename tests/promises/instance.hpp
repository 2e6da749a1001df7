// A private instance of Cordon for one test: started from this build's programs in a directory of its own, used through
// its sockets, ended with the test. Whatever it leaves behind on the machine fails the test it lived in.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "tests/promises/counts.hpp"
#include "tests/promises/http.hpp"
#include "tests/promises/process.hpp"

namespace cordon::test {

class Instance {
 public:
  // `config` is joined with the profile directory, and has no warm sandboxes unless it says so; `launcher` is the
  // command that its options are added to.
  explicit Instance(const Json& config = Json::object(),
                    std::vector<std::string> launcher = {CORDON_BIN_DIR "/cordon-launcher"});
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  std::string agent_socket() const { return directory_ + "/run/agent.sock"; }
  std::string operator_socket() const { return directory_ + "/run/operator.sock"; }
  std::string evidence_dir() const { return directory_ + "/state/ledger"; }
  std::string launcher_socket() const { return directory_ + "/run/launcher.sock"; }
  const std::string& directory() const { return directory_; }
  std::string runtime_dir() const { return directory_ + "/run"; }

  Answer get(const std::string& target) const;
  Answer post(const Json& job, std::vector<std::string> headers = {}) const;  // to /v1/jobs
  Answer remove(const std::string& target) const;
  Answer request(const Call& request) const { return call(agent_socket(), request); }

  Json run(Json job) const;     // waits; the finished job. Anything but 200 fails the test
  Json submit(Json job) const;  // does not wait; the accepted job
  Json finished(const std::string& id, std::chrono::seconds patience = std::chrono::seconds(60)) const;
  bool reaches(const std::string& id, const std::string& state) const;  // in reasonable time

  Credentials agent(unsigned number) const;  // one of a few users who may open agent.sock
  Credentials stranger() const;              // one who may not
  Credentials operator_person() const;       // one who may open operator.sock

  std::string variable(const std::string& name) const;  // of instance.env, which the launcher wrote
  Whose whose() const;
  Counts counts() const { return count(whose()); }
  // Cleaning up goes on after a job's answer: the counts once they are as expected, or as they stay.
  Counts counts_settled_at(const Counts& expected, std::chrono::milliseconds patience = std::chrono::seconds(20)) const;
  Counts counts_at_rest()
      const;  // once two looks, a fifth of a second apart, are the same: what was used has been closed

  Process& launcher() { return launcher_; }
  Process& daemon() { return daemon_; }
  Process& ledger() { return ledger_; }                      // not there when the configuration says "evidence": "off"
  void start_ledger(std::vector<std::string> options = {});  // again, after a test ended it
  std::string logs() const;
  void start_daemon();      // again, after a test ended it
  void restart_launcher();  // another one in the place of the first, with which all its sandboxes end

 private:
  void prepare(const Json& config);
  void start_launcher();
  void read_ids();
  void end_processes();
  void expect_nothing_left() const;

  std::string directory_;
  std::string name_;
  std::vector<std::string> launcher_command_;
  std::uint32_t daemon_uid_ = 0, daemon_gid_ = 0, agent_gid_ = 0, operator_gid_ = 0, first_uid_ = 0, uid_count_ = 0;
  std::optional<std::uint32_t> ledger_uid_;
  Process launcher_, ledger_, daemon_;
};

// One of a job's files: an executable copy of a file of the host.
Json upload(const std::string& name, const std::string& host_file);

// A job that runs the probe `name` of tests/probes from its upload, with arguments.
Json probe(const std::string& name, std::vector<std::string> arguments = {});

// A job that is a Python program, and collects what the globs name.
Json python(const std::string& code, const Json& collect = Json::array());

// For INFO: how a job ended, and all that it wrote.
std::string ending_of(const Json& job);

}  // namespace cordon::test
