// Tables of what is not granted, held against the whole of cordon-egress: no packet of any of it reaches the internet.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "sandbox/kernel/check.hpp"
#include "tests/egress/forms.hpp"
#include "tests/egress/loopback_wall.hpp"
#include "tests/egress/proxy.hpp"
#include "tests/egress/rebinding.hpp"
#include "tests/egress/tool.hpp"

using namespace cordon;
using namespace cordon::egress_test;

namespace {

using std::chrono::seconds;

constexpr std::uint16_t tls = 443, http = 80, echo = 7000;
constexpr std::size_t spellings_of_a_job = 200;  // at most three connections each: no budget of a second is spent

EgressJob job_of_both(std::size_t number) {
  return job_of({grant(granted_host, {tls}, EgressMode::passthrough), grant(granted_host, {http}, EgressMode::http)},
                "job-" + std::to_string(number));
}

std::string request(const std::string& target, const std::string& host) {
  return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

// Questions for the sandbox's resolver over one UDP socket, so many on the way at once.
class Questions {
 public:
  explicit Questions(const World& world) : socket_(resolver_socket(world)) {}
  void ask(const std::string& name) {
    const auto question = dns_question(name, 1);
    check(::send(socket_.get(), question.data(), question.size(), 0), "ask");
    if (++on_the_way_ == 64) hear_all();
  }
  void hear_all() {
    for (; on_the_way_ > 0; --on_the_way_) hear();
  }
  int unanswered = 0, refused = 0, unreadable = 0, addresses = 0;

 private:
  void hear() {
    pollfd readable{socket_.get(), POLLIN, 0};
    unsigned char answer[2048];
    if (::poll(&readable, 1, 2000) != 1) return void(++unanswered);
    const auto size = ::recv(socket_.get(), answer, sizeof answer, 0);
    if (size < 12) return void(++unanswered);
    refused += (answer[3] & 15) == 5;
    unreadable += (answer[3] & 15) == 1;
    addresses += answer[6] != 0 || answer[7] != 0;
  }

  Fd socket_;
  int on_the_way_ = 0;
};

// What was let out, and what was kept back for another reason than what was said.
struct Verdicts {
  std::size_t allowed = 0, by_rate = 0, denied = 0;
};
Verdicts verdicts(Watcher& watcher) {
  Verdicts out;
  const auto count = [&](FlowReason why, std::size_t times) {
    const bool by_rate = why == FlowReason::too_many_connections || why == FlowReason::too_many_connections_per_second;
    (why == FlowReason::none ? out.allowed : by_rate ? out.by_rate : out.denied) += times;
  };
  for (const auto& one : watcher.all<FlowDecided>()) count(one.reason, 1);
  for (const auto& one : watcher.all<DeniedAgain>()) count(one.reason, one.times);
  return out;
}

}  // namespace

TEST_CASE("more than 300 spellings of other hosts get nothing out in any of four protocols, as the internet sees it") {
  World world;
  world.name(granted_host, {{"93.184.216.40"}});
  Proxy proxy(world);
  const auto foreign = foreign_spellings();
  const std::vector<std::string> spellings(foreign.begin(), foreign.end());
  REQUIRE(spellings.size() > 300);
  std::size_t connections = 0;
  const auto own_question = dns_question(granted_host, 1);
  for (std::size_t begin = 0; begin < spellings.size(); begin += spellings_of_a_job) {
    const auto job = job_of_both(begin);
    auto open = proxy.open(job);
    REQUIRE(open.served());
    const auto address = job.names[0].address;
    const auto say = [&](std::uint16_t port, const std::string& words) {
      Connection(world, address, port).ask(words, true);
      ++connections;
    };
    for (std::size_t i = begin; i < std::min(begin + spellings_of_a_job, spellings.size()); ++i) {
      const auto& spelling = spellings[i];
      INFO(spelling);
      // A name's last dot is not in a question: "api.example.com." asks for the granted name.
      if (dns_question(spelling, 1) != own_question) CHECK_FALSE(ask_dns(world, spelling, 1).address);
      say(tls, client_hello(spelling));
      if (is_padded(spelling)) continue;
      say(http, request("/", spelling));
      if (!begins_a_path(spelling)) say(http, request("http://" + spelling + "/", granted_host));
    }
    open.close();
    REQUIRE(proxy.watcher().wait_for<JobClosed>(begin / spellings_of_a_job + 1).size() ==
            begin / spellings_of_a_job + 1);
  }
  const auto said = verdicts(proxy.watcher());
  CHECK(said.allowed == 0);
  CHECK(said.by_rate == 0);
  CHECK(said.denied == connections);
  CHECK(world.counts()["packets"].empty());
  CHECK(world.counts()["queries"].empty());
}

TEST_CASE("the granted host's own spellings get out in all four protocols") {
  World world;
  world.name(granted_host, {{"93.184.216.40"}});
  Proxy proxy(world);
  const auto job = job_of_both(0);
  auto open = proxy.open(job);
  REQUIRE(open.served());
  const auto address = job.names[0].address;
  for (const auto& spelling : own_spellings) {
    INFO(spelling);
    CHECK(ask_dns(world, spelling, 1).address == address);
    Connection(world, address, tls).ask(client_hello(spelling), true);
    CHECK(Connection(world, address, http).ask(request("/", spelling)).bytes.starts_with("HTTP/1.1 200"));
    const auto target = "http://" + spelling + "/";
    CHECK(Connection(world, address, http).ask(request(target, granted_host)).bytes.starts_with("HTTP/1.1 200"));
  }
  const auto closed = proxy.watcher().wait_for<FlowClosed>(3 * own_spellings.size());
  CHECK(closed.size() == 3 * own_spellings.size());
  for (const auto& one : closed) CHECK(one.dialled == parse_ip_address("93.184.216.40"));
}

TEST_CASE("a name that leads to a denied address in any of more than 200 forms is not dialled, whatever is granted") {
  World world;
  Proxy proxy(world);
  const auto forms = denied_forms();
  REQUIRE(forms.size() > 200);
  auto job = job_of({grant("a.test", {echo}, EgressMode::raw)});
  job.private_egress = true;  // which is for networks, never for names
  auto open = proxy.open(job);
  REQUIRE(open.served());
  for (const auto& form : forms) {
    INFO(form);
    const bool is_v6 = form.find(':') != std::string::npos;
    world.name("a.test", is_v6 ? Json::array() : Json::array({Json::array({form})}),
               {{"AAAA", is_v6 ? Json::array({Json::array({form})}) : Json::array({Json::array()})}});
    proxy.watcher().forget();
    CHECK(Connection(world, job.names[0].address, echo).ask("x").bytes.empty());
    const auto closed = proxy.watcher().wait_for<FlowClosed>();
    REQUIRE(closed.size() == 1);
    CHECK(closed[0].reason == FlowReason::address_denied);
    CHECK_FALSE(closed[0].dialled);
  }
  const auto counts = world.counts();
  CHECK(beyond(counts["packets"], {"17 9.9.9.9 53", "6 9.9.9.9 53", "1 9.9.9.9 0"}) == nowhere);
}

TEST_CASE("1,000 rebindings of a granted name lead nowhere but to its public address") {
  rebind(1000);
}

TEST_CASE("100,000 questions for denied names are refused, and not one packet goes upstream") {
  World world;
  Proxy proxy(world);
  auto job =
      job_of({grant("a.test", {tls}, EgressMode::passthrough), grant("*.b.test", {tls}, EgressMode::passthrough)});
  job.limits.queries_per_second = 1'000'000;
  auto open = proxy.open(job);
  REQUIRE(open.served());
  Questions questions(world);
  for (int i = 0; i < 25'000; ++i) {
    const auto data = std::to_string(i);
    for (const auto* suffix : {".evil.test", ".a.test", ".b.test.evil.test", ".ab.test"}) questions.ask(data + suffix);
  }
  questions.hear_all();
  CHECK(questions.refused == 100'000);
  CHECK(questions.unanswered == 0);
  CHECK(questions.addresses == 0);
  CHECK(world.counts()["packets"].empty());
  open.close();
  const auto totals = proxy.watcher().wait_for<JobClosed>();
  REQUIRE(totals.size() == 1);
  CHECK(totals[0].queries_denied == 100'000);
  CHECK(totals[0].queries_answered == 0);
}

TEST_CASE("without the wall behind it no flow begins and nobody is asked: with it again they do") {
  World world;
  world.name("a.test", {{"93.184.216.40"}});
  Proxy proxy(world);
  const auto job = job_of({grant("a.test", {echo}, EgressMode::raw)});
  auto open = proxy.open(job);
  REQUIRE(open.served());
  Connection before(world, job.names[0].address, echo);
  before.send("x");
  REQUIRE(before.receive(seconds(10), 1).bytes == "x");
  REQUIRE(proxy.watcher().wait_for<FlowDecided>().size() == 1);
  world.forget();
  proxy.watcher().forget();
  remove_wall(world);
  for (int i = 0; i < 20; ++i) CHECK(Connection(world, job.names[0].address, echo).ask("x").bytes.empty());
  CHECK(world.counts()["packets"].empty());
  const auto said = verdicts(proxy.watcher());
  CHECK(said.allowed == 0);
  CHECK(proxy.watcher().wait_for<FlowDecided>().at(0).reason == FlowReason::no_wall);
  raise_wall(world, egress_uid);
  Connection after(world, job.names[0].address, echo);
  after.send("x");
  CHECK(after.receive(seconds(10), 1).bytes == "x");
}
