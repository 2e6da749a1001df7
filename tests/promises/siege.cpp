#include "tests/promises/siege.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

#include "sandbox/kernel/check.hpp"

namespace cordon::test {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr unsigned attackers = 5;
const std::string get_info = "GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n";

bool is_open(const Fd& fd) {
  pollfd state{fd.get(), POLLIN, 0};
  return ::poll(&state, 1, 0) == 0 || (state.revents & (POLLHUP | POLLERR)) == 0;
}

// One way of being slow: what is sent at first, and again every now and then.
struct Way {
  std::string name, begin, again;
  bool has_short_deadline = false;  // within seconds; the others have half a minute and more
};

std::vector<Way> ways(const std::string& job) {
  const std::string post = "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  const std::string get = "GET /v1/jobs/" + job, end = " HTTP/1.1\r\nHost: x\r\n\r\n";
  return {{"silent", "", ""},
          {"a head byte by byte", "GET /v1/info HTTP/1.1\r\nX: ", "x", true},
          {"a body byte by byte", post + "Content-Length: 16000000\r\n\r\n{", " "},
          {"a body in chunks of one byte", post + "Transfer-Encoding: chunked\r\n\r\n1\r\n{", "\r\n1\r\n "},
          {"empty lines", "\r\n\r\n", "\r\n"},
          {"idle after a request", get_info, ""},
          {"events that nobody reads", get + "/events" + end, "", true},
          {"an output that nobody reads", get + "/stdout" + end, "", true}};
}

// Keeps `count` connections of one user open and slow until it is told to stop.
class Attacker {
 public:
  Attacker(const Instance& cordon, Credentials who, std::size_t count, std::vector<Way> with)
      : socket_(cordon.agent_socket()),
        ways_(std::move(with)),
        all_(count),
        thread_([this, identity = std::move(who)] { attack(identity); }) {}
  ~Attacker() {
    stop_ = true;
    thread_.join();
  }
  Attacker(const Attacker&) = delete;
  Attacker& operator=(const Attacker&) = delete;
  std::size_t open() const { return open_; }
  std::size_t cut_off(std::size_t way) const { return cut_off_.at(way); }

 private:
  struct Slow {
    std::optional<Fd> fd;
    bool begun = false;
  };

  void attack(const Credentials& who) {
    become(who);
    while (!stop_) {
      for (std::size_t i = 0; i < all_.size() && !stop_; ++i) keep(all_[i], i % ways_.size());
      std::this_thread::sleep_for(200ms);  // slow is what it is meant to be
    }
  }
  void keep(Slow& slow, std::size_t which) {
    const auto& way = ways_[which];
    if (slow.fd && !is_open(*slow.fd)) {
      slow = {};
      --open_;
      ++cut_off_.at(which);
    }
    if (!slow.fd) {
      slow.fd = connect_to(socket_);
      ++open_;
    }
    const auto& bytes = slow.begun ? way.again : way.begin;
    slow.begun = true;
    if (!bytes.empty()) ::send(slow.fd->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  std::string socket_;
  std::vector<Way> ways_;
  std::vector<Slow> all_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::size_t> open_ = 0;
  std::array<std::atomic<std::size_t>, 16> cut_off_{};  // by way
  std::thread thread_;
};

// Asks on `count` connections of one user as fast as cordond answers, many requests at once on each.
class Flooder {
 public:
  Flooder(const Instance& cordon, Credentials who, std::size_t count)
      : socket_(cordon.agent_socket()), thread_([this, count, identity = std::move(who)] { flood(identity, count); }) {}
  ~Flooder() {
    stop_ = true;
    thread_.join();
  }
  Flooder(const Flooder&) = delete;
  Flooder& operator=(const Flooder&) = delete;

 private:
  void flood(const Credentials& who, std::size_t count) {
    become(who);
    std::vector<Fd> all;
    std::vector<pollfd> watched;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(connect_to(socket_));
      watched.push_back({all.back().get(), POLLIN | POLLOUT, 0});
    }
    std::vector<std::size_t> sent(count, 0);  // of the request that is being sent
    std::string many, sink(65536, '\0');
    for (int i = 0; i < 100; ++i) many += get_info;
    while (!stop_) {
      ::poll(watched.data(), watched.size(), 50);
      for (std::size_t i = 0; i < count; ++i) {
        if (watched[i].revents & POLLIN) ::recv(all[i].get(), sink.data(), sink.size(), MSG_DONTWAIT);
        if ((watched[i].revents & POLLOUT) == 0) continue;
        const auto n = ::send(all[i].get(), many.data() + sent[i], many.size() - sent[i], MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) sent[i] = (sent[i] + static_cast<std::size_t>(n)) % get_info.size();
      }
    }
  }

  std::string socket_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// What an honest client waits for one answer, on a new connection each: milliseconds.
double one_request(const Instance& cordon) {
  const auto begin = Clock::now();
  const auto connection = connect_to(cordon.agent_socket());
  send_all(connection.get(), get_info);
  char first = 0;
  pollfd ready{connection.get(), POLLIN, 0};
  if (::poll(&ready, 1, 10'000) != 1 || ::recv(connection.get(), &first, 1, 0) != 1 || first != 'H') return 10'000;
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

double p99_of_round(const Instance& cordon) {
  std::vector<double> times;
  for (int i = 0; i < 100; ++i) times.push_back(one_request(cordon));
  std::sort(times.begin(), times.end());
  return times[98];
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double p99_in_flood(const Instance& cordon, std::size_t connections_each) {
  std::vector<std::unique_ptr<Flooder>> all;
  for (unsigned i = 0; i < attackers; ++i) {
    all.push_back(std::make_unique<Flooder>(cordon, cordon.agent(i), connections_each));
  }
  std::vector<double> rounds;
  as(cordon.agent(honest_agent), [&] {
    p99_of_round(cordon);  // until they are at it
    for (int i = 0; i < 5; ++i) rounds.push_back(p99_of_round(cordon));
  });
  return median(rounds);
}

struct Waits {
  double quiet = 0, attacked = 0;  // milliseconds: the median of the rounds' p99
};

// Turn by turn, so that whatever else this machine does falls on both alike.
Waits compare(const Instance& quiet, const Instance& attacked, int rounds) {
  auto honest = attacked.agent(honest_agent);
  const auto groups = quiet.agent(honest_agent).groups;
  honest.groups.insert(honest.groups.end(), groups.begin(), groups.end());
  std::vector<double> of_quiet, of_attacked;
  as(honest, [&] {
    for (int round = 0; round < rounds; ++round) {
      of_quiet.push_back(p99_of_round(quiet));
      of_attacked.push_back(p99_of_round(attacked));
    }
  });
  return {median(of_quiet), median(of_attacked)};
}

}  // namespace

void allow_many_files() {
  rlimit limit{};
  check(::getrlimit(RLIMIT_NOFILE, &limit), "read the limit of open files");
  REQUIRE(limit.rlim_max >= 16'384);  // what a siege of five thousand takes
  limit.rlim_cur = limit.rlim_max;
  check(::setrlimit(RLIMIT_NOFILE, &limit), "raise the limit of open files");
}

void become(const Credentials& who) {
  check(::syscall(SYS_setgroups, who.groups.size(), who.groups.data()), "setgroups");
  check(::syscall(SYS_setresgid, who.gid, who.gid, who.gid), "setresgid");
  check(::syscall(SYS_setresuid, who.uid, who.uid, who.uid), "setresuid");
}

std::uint64_t resident_bytes(pid_t pid) {
  std::istringstream status(read_text("/proc/" + std::to_string(pid) + "/status"));
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib * 1024;
  }
  return 0;
}

double mib(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

std::string job_with_output(const Instance& cordon, const Credentials& who, std::uint64_t bytes) {
  const Json job{{"argv", Json::array({"head", "-c", std::to_string(bytes), "/dev/zero"})},
                 {"limits", {{"output_bytes", bytes}}},
                 {"wait", true}};
  const auto answer = cordon.request({.method = "POST", .target = "/v1/jobs", .body = job.dump(), .as = who});
  INFO(answer.body.substr(0, 1000));
  REQUIRE(answer.status == 200);
  return answer.json().at("id");
}

FloodWaits flood(const Instance& cordon) {
  FloodWaits waits;
  waits.few = p99_in_flood(cordon, 1);
  waits.many = p99_in_flood(cordon, 40);
  return waits;
}

void besiege(const Siege& siege) {
  allow_many_files();
  Instance attacked(Json::object({{"max_connections_per_uid", 1200}}));
  const Instance quiet;
  std::vector<std::string> jobs;
  for (unsigned i = 0; i < attackers; ++i) jobs.push_back(job_with_output(attacked, attacked.agent(i), 4'000'000));
  const auto before = resident_bytes(attacked.daemon().pid());
  std::vector<std::unique_ptr<Attacker>> all;
  for (unsigned i = 0; i < attackers; ++i) {
    all.push_back(
        std::make_unique<Attacker>(attacked, attacked.agent(i), siege.connections / attackers, ways(jobs[i])));
  }
  const auto open = [&] {
    std::size_t sum = 0;
    for (const auto& attacker : all) sum += attacker->open();
    return sum;
  };
  REQUIRE(eventually([&] { return open() >= siege.connections * 9 / 10; }, 30s));
  const auto waits = compare(quiet, attacked, siege.rounds);
  const auto during = resident_bytes(attacked.daemon().pid());
  const auto grown = during > before ? during - before : 0;
  std::cout << siege.connections << " slow connections: honest p99 " << waits.attacked << " ms, without them "
            << waits.quiet << " ms; cordond " << mib(during) << " MiB resident, before " << mib(before) << " MiB\n";
  CHECK(waits.attacked < 2 * waits.quiet + 1);  // a millisecond is the scheduler's own grain
  // One costs its coroutines' frames, its buffer, and the piece of an answer that waits to be taken.
  CHECK(grown < siege.connections * 48 * 1024);
  // Nobody holds a place for ever.
  const auto all_ways = ways("");
  for (std::size_t way = 0; way < all_ways.size(); ++way) {
    if (!all_ways[way].has_short_deadline) continue;
    INFO(all_ways[way].name);
    CHECK(eventually([&] { return all[0]->cut_off(way) > 0; }, 30s));
  }
  const auto info = attacked.request({.target = "/v1/info", .as = attacked.agent(honest_agent)});
  CHECK(info.status == 200);
}

}  // namespace cordon::test
