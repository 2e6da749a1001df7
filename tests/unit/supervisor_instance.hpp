// A whole cordond in this process, on a thread of its own, beside a fake launcher. No root needed.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "supervisor/daemon.hpp"
#include "tests/unit/supervisor_fake_launcher.hpp"
#include "tests/unit/supervisor_http_client.hpp"

namespace cordon::test {

struct Directory {
  Directory();
  ~Directory();
  std::string path;
};

class Instance {
 public:
  // `config`: members of cordon.json beside "profile_dirs".
  explicit Instance(const std::string& config = "");
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  HttpClient agent() const { return HttpClient(dir_.path + "/agent.sock"); }
  HttpClient operator_() const { return HttpClient(dir_.path + "/operator.sock"); }
  FakeLauncher& launcher() { return *launcher_; }
  void stop_launcher() { launcher_.reset(); }
  void restart_launcher();
  void restart_daemon();
  const std::string& dir() const { return dir_.path; }
  void write_config(const std::string& config) const;

  // The job as it is now, or when it has finished.
  Json job(const std::string& id) const { return agent().get("/v1/jobs/" + id).json(); }
  Json finished(const std::string& id) const { return agent().get("/v1/jobs/" + id + "?wait=20").json(); }
  std::string submit(const std::string& body) const { return agent().post(body).json().at("id"); }

 private:
  void start_daemon();
  void stop_daemon();

  Directory dir_;
  std::unique_ptr<FakeLauncher> launcher_;
  std::unique_ptr<asio::io_context> io_;
  std::unique_ptr<Daemon> daemon_;
  std::thread thread_;
};

}  // namespace cordon::test
