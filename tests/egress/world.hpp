// A world of three network namespaces of the test's own: a sandbox (lo only), a host (where cordon-egress runs) and an
// internet (fake_internet.py) in which every address answers and every byte is counted. Gone with the test.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "sandbox/kernel/fd.hpp"

namespace cordon::egress_test {

using Json = nlohmann::json;

inline constexpr const char* resolver_address = "9.9.9.9";
inline constexpr const char* own_address = "11.0.0.1";  // of the host

// This thread is in that namespace while it lives. Sockets stay where they were made.
class Within {
 public:
  explicit Within(const Fd& network);
  ~Within();
  Within(const Within&) = delete;
  Within& operator=(const Within&) = delete;

 private:
  Fd before_;
};

// A child that ends with it; `network`: where it runs.
class Child {
 public:
  Child() = default;
  Child(const Fd& network, const std::vector<std::string>& command, int in = -1, int out = -1, int kept = -1);
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  pid_t pid() const { return pid_; }
  void kill();
  void end();

 private:
  pid_t pid_ = -1;
};

// Waits for it; throws when it does not end with 0.
void run_in(const Fd& network, const std::vector<std::string>& command);

class World {
 public:
  World();
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  const Fd& host() const { return host_; }
  const Fd& sandbox() const { return sandbox_; }
  const std::string& directory() const { return directory_; }

  // What a resolver says of a name; a list of lists: the first query's, the second's, ...; the last stays.
  void name(const std::string& name, const Json& a, const Json& more = Json::object());
  Json counts();
  void forget();

 private:
  Json ask(const Json& command);
  void wire();

  std::string directory_;
  Fd host_, internet_, sandbox_, to_internet_, from_internet_;
  std::unique_ptr<Child> fake_;
};

// Where packets went beside these, by "packets" of counts(): "PROTOCOL ADDRESS PORT". tests/told forgives none. To a
// resolver that was slow goes an ICMP message too ("1 9.9.9.9 0"): nobody waits for its answer any more.
std::set<std::string> beyond(const Json& packets, const std::set<std::string>& expected);
inline const std::set<std::string> nowhere;

}  // namespace cordon::egress_test
