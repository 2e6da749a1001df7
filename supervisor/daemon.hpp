// Everything of cordond but the process: what it holds, how it begins, how it ends.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "supervisor/http/api.hpp"
#include "supervisor/http/server.hpp"
#include "supervisor/passed_sockets.hpp"

namespace cordon {

struct DaemonOptions {
  std::string runtime_dir;
  std::string state_dir;
  std::string config_file;
  std::optional<std::uint32_t> agent_gid, operator_gid;  // otherwise the configuration's names
};

class Daemon {
 public:
  // A socket that was not passed under its file's name is made.
  Daemon(asio::io_context& io, DaemonOptions options, CatalogPtr catalog, PassedSockets passed = {});
  ~Daemon();

  // Serves once the launcher is there and nothing of a former cordond is alive. Throws KernelError when it never is.
  awaitable<void> start();
  // Loads configuration and profiles anew, all or nothing.
  void reload();
  // The last that is done before its end: what is not yet on the record goes there, within a second, and the time.
  awaitable<void> say_the_last();

 private:
  void serve(const std::string& name, gid_t group, Role role);
  void serve_scrapers(const LoopbackAddress& address);
  Serving shared();
  static awaitable<void> kill_and_persist(Api* api, Engagement engagement);
  void engage(const Trip& trip, const std::string& why);
  awaitable<void> watch_launcher();
  awaitable<void> watch_evidence();

  asio::any_io_executor executor_;
  DaemonOptions options_;
  PassedSockets passed_;
  Fd lock_;
  Api api_;
  BodyBudget bodies_, answers_;
  Turns turns_;
  struct Open {
    std::string path;  // of a file that is ours to remove; otherwise empty
    asio::local::stream_protocol::acceptor acceptor;
  };
  std::vector<std::unique_ptr<Open>> sockets_;
  std::optional<asio::ip::tcp::acceptor> scrapers_;
};

}  // namespace cordon
