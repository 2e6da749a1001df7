// Bytes are counted to the byte, however a flow ends: what the record of its end says is what the far side and the tool
// have counted themselves. And no budget of bytes is exceeded, whatever else goes on.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <thread>

#include "tests/egress/proxy.hpp"
#include "tests/egress/tool.hpp"

using namespace cordon;
using namespace cordon::egress_test;

namespace {

using End = Connection::Received::End;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint16_t echo = 7000, sink = 7001, source = 7002, silent = 7003, resets = 7004, deaf = 7006;
constexpr std::uint64_t slack = 16 << 10;  // what a budget may be exceeded by at most

EgressBudget generous() {
  EgressBudget out;
  out.connections_per_second = 1000;
  out.max_connections = 1024;
  return out;
}

EgressBudget endless() {
  auto out = generous();
  out.max_bytes_up = out.max_bytes_down = std::uint64_t{1} << 40;
  return out;
}

struct Stage {
  explicit Stage(const EgressBudget& budget = generous(), std::uint32_t idle_ms = 60'000)
      : proxy(world), job(with(budget, idle_ms)), open(proxy.open(job)) {
    world.name("a.test", {{"93.184.216.40"}});
    REQUIRE(open.served());
  }
  static EgressJob with(const EgressBudget& budget, std::uint32_t idle_ms) {
    auto raw = grant("a.test", {echo, sink, source, silent, resets, deaf}, EgressMode::raw);
    raw.budget = budget;
    auto out = job_of({raw, grant("a.test", {80}, EgressMode::http)});
    out.limits.idle_ms = idle_ms;
    out.limits.max_bytes_up = std::max(out.limits.max_bytes_up, budget.max_bytes_up);
    out.limits.max_bytes_down = std::max(out.limits.max_bytes_down, budget.max_bytes_down);
    return out;
  }
  Connection connect(std::uint16_t port, int receives = 0) { return {world, job.names[0].address, port, receives}; }
  FlowClosed closed(std::size_t which = 0) {
    const auto all = proxy.watcher().wait_for<FlowClosed>(which + 1);
    REQUIRE(all.size() == which + 1);
    return all[which];
  }
  void wait_for_flow() {
    for (int i = 0; i < 500; ++i) {
      const auto counts = world.counts();
      for (const auto& one : counts["connections"])
        if (one["port"] != 53 && one["in"].get<std::uint64_t>() + one["out"].get<std::uint64_t>() > 0) return;
      std::this_thread::sleep_for(milliseconds(10));
    }
    throw std::runtime_error("nothing flows");
  }
  // What the internet says of its connection of that number, once that has ended there.
  Json far(std::size_t which = 0) {
    for (int i = 0; i < 200; ++i) {
      std::vector<Json> found;
      const auto counts = world.counts();
      for (const auto& one : counts["connections"])
        if (one["port"] != 53) found.push_back(one);
      if (which < found.size() && found[which]["ended"] != "open" && found[which]["ended"] != "eof")
        return found[which];
      std::this_thread::sleep_for(milliseconds(20));
    }
    throw std::runtime_error("the far side's connection has not ended");
  }

  World world;
  Proxy proxy;
  EgressJob job;
  OpenJob open;
};

std::string bytes(std::size_t size) {
  return std::string(size, 'b');
}

// No part of it is like another.
std::string varied(std::size_t size) {
  std::string out(size, '\0');
  std::minstd_rand random(static_cast<unsigned>(size) + 1);
  std::generate(out.begin(), out.end(), [&] { return static_cast<char>(random() >> 8); });
  return out;
}

// Sends all of it from a thread of its own, as what comes back must be read meanwhile; says then that this was all.
Connection::Received send_and_receive(Connection& connection, const std::function<void()>& send) {
  std::thread sends([&] {
    send();
    connection.end_of_bytes();
  });
  auto received = connection.receive(seconds(60));
  sends.join();
  return received;
}

void reset(Connection& connection) {
  const linger at_once{1, 0};
  ::setsockopt(connection.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  connection.close();
}

// The pipes that a process has, by what the kernel calls them, and how many bytes wait in each.
std::map<std::string, int> pipes(pid_t pid) {
  std::map<std::string, int> found;
  for (const auto& one : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code gone;
    const auto name = std::filesystem::read_symlink(one, gone).string();
    if (!name.starts_with("pipe:")) continue;
    const Fd pipe(::open(one.path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    int waiting = 0;
    if (pipe && ::ioctl(pipe.get(), FIONREAD, &waiting) == 0) found[name] = waiting;
  }
  return found;
}

// How many have bytes that wait, once nothing has moved for a while.
std::size_t waiting_pipes(pid_t pid) {
  auto all = pipes(pid);
  for (int i = 0, same = 0; i < 200 && same < 10; ++i) {
    std::this_thread::sleep_for(milliseconds(100));
    const auto now = pipes(pid);
    same = now == all ? same + 1 : 0;
    all = now;
  }
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const auto& one) { return one.second > 0; }));
}

constexpr std::uint64_t budget_bytes = 2'000'000;

EgressBudget small(std::uint64_t bytes_per_second) {
  auto out = generous();
  out.max_bytes_up = out.max_bytes_down = budget_bytes;
  out.bytes_per_second = bytes_per_second;
  return out;
}

// Four tools at once receive, or send, until they are cut off. What arrived here.
std::uint64_t spend(Stage& stage, std::uint16_t port) {
  std::vector<std::uint64_t> received(4);
  std::vector<std::thread> tools;
  for (auto& got : received)
    tools.emplace_back([&stage, &got, port] {
      auto connection = stage.connect(port);
      while (port == sink && connection.send(bytes(50'000))) continue;
      got = connection.receive(seconds(30)).bytes.size();
    });
  for (auto& tool : tools) tool.join();
  std::uint64_t sum = 0;
  for (const auto got : received) sum += got;
  return sum;
}

}  // namespace

TEST_CASE("what passes both ways until both have said all is counted alike on all sides, from nothing to megabytes") {
  Stage stage;
  std::size_t flow = 0;
  for (const std::size_t size : {0, 1, 1000, 16'384, 65'537, 262'144, 1'000'003, 8'000'000}) {
    INFO(size);
    auto connection = stage.connect(echo);
    const auto sent = varied(size);
    const auto received = send_and_receive(connection, [&] { connection.send(sent); });
    CHECK(received.end == End::eof);
    CHECK((received.bytes == sent));
    const auto closed = stage.closed(flow);
    CHECK(closed.reason == FlowReason::none);
    CHECK(closed.bytes_up == size);
    CHECK(closed.bytes_down == size);
    const auto far = stage.far(flow);
    CHECK(far["in"] == size);
    CHECK(far["out"] == size);
    ++flow;
  }
}

TEST_CASE("urgent data in a bulk transfer neither stops nor ends it, and all that is not urgent arrives") {
  Stage stage;
  auto connection = stage.connect(echo);
  const auto before = varied(4'000'000), behind = varied(3'000'001);
  const auto received = send_and_receive(connection, [&] {
    connection.send(before);
    ::send(connection.fd(), "!", 1, MSG_OOB | MSG_NOSIGNAL);
    connection.send(behind);
  });
  CHECK(received.end == End::eof);
  CHECK((received.bytes == before + behind));
  const auto closed = stage.closed();
  CHECK(closed.reason == FlowReason::none);
  CHECK(closed.bytes_up == before.size() + behind.size());
  CHECK(closed.bytes_down == before.size() + behind.size());
}

TEST_CASE("of an HTTP exchange that is written anew, what is counted is what the far side has seen, body and all") {
  Stage stage;
  std::size_t flow = 0;
  const std::string host = " HTTP/1.1\r\nHost: a.test\r\n";
  std::string chunks;
  for (int i = 0; i < 100; ++i) chunks += "400\r\n" + bytes(0x400) + "\r\n";
  const std::vector<std::string> requests{
      "GET /" + host + "\r\n",
      "GET /bytes/1000000" + host + "X-Mine: yes\r\n\r\n",
      "HEAD /" + host + "\r\n",
      "POST /" + host + "Content-Length: 300000\r\n\r\n" + bytes(300'000),
      "POST /bytes/100000" + host + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n",
      "GET /redirect" + host + "\r\n"};
  for (const auto& request : requests) {
    INFO(request.substr(0, 60));
    auto connection = stage.connect(80);
    const auto received = connection.ask(request);
    CHECK(received.bytes.starts_with("HTTP/1.1 "));
    const auto closed = stage.closed(flow);
    CHECK(closed.reason == FlowReason::none);
    CHECK(closed.bytes_down == received.bytes.size());
    const auto far = stage.far(flow);
    CHECK(far["in"] == closed.bytes_up);
    CHECK(far["out"] == closed.bytes_down);
    ++flow;
  }
}

TEST_CASE("a flow that one side resets is counted as far as it came") {
  Stage stage;
  auto by_tool = stage.connect(echo);
  by_tool.send(bytes(5000));
  REQUIRE(by_tool.receive(seconds(20), 5000).bytes.size() == 5000);
  reset(by_tool);
  CHECK(stage.closed(0).reason == FlowReason::reset_by_tool);
  CHECK(stage.closed(0).bytes_up == 5000);
  CHECK(stage.closed(0).bytes_down == 5000);
  CHECK(stage.far(0)["in"] == 5000);
  CHECK(stage.far(0)["out"] == 5000);

  auto by_far = stage.connect(resets);
  CHECK(by_far.ask(bytes(700)).end == End::reset);
  const auto closed = stage.proxy.watcher().wait_for<FlowClosed>(2);
  REQUIRE(closed.size() == 2);
  CHECK(closed[1].reason == FlowReason::reset_by_peer);
  CHECK(stage.far(1)["in"] == closed[1].bytes_up);
  CHECK(closed[1].bytes_down == 0);
}

TEST_CASE("an idle flow and one that nobody answered are counted as far as they came") {
  Stage stage(generous(), 500);
  auto idle = stage.connect(silent);
  idle.send(bytes(300));
  CHECK(idle.receive(seconds(10)).end == End::reset);
  CHECK(stage.closed(0).reason == FlowReason::idle);
  CHECK(stage.closed(0).bytes_up == 300);
  CHECK(stage.closed(0).bytes_down == 0);
  CHECK(stage.far(0)["in"] == 300);
  stage.world.name("a.test", Json::array(), {{"rcode", 3}});
  CHECK(stage.connect(echo).ask(bytes(300)).end == End::reset);
  const auto unknown = stage.proxy.watcher().wait_for<FlowClosed>(2).at(1);
  CHECK(unknown.reason == FlowReason::name_not_found);
  CHECK((unknown.bytes_up == 0 && unknown.bytes_down == 0));
}

TEST_CASE("what was cut is counted without what lay here unsent, for a tool or a far side that reads nothing") {
  Stage stage;
  auto tool = stage.connect(source);
  REQUIRE(tool.connected());
  std::this_thread::sleep_for(milliseconds(500));  // until nothing moves: every buffer on the way is full
  stage.open.close();
  const auto closed = stage.closed(0);
  CHECK(closed.reason == FlowReason::job_ended);
  const auto received = tool.receive(seconds(10));
  CHECK(received.end == End::reset);
  CHECK(received.bytes.size() == closed.bytes_down);
  CHECK(closed.bytes_down > 0);
}

TEST_CASE("a flow of which all was said can be cut until all is sent") {
  Stage stage;
  auto tool = stage.connect(echo);
  constexpr std::size_t size = 8'000'000;  // more than a receiver takes that does not read
  std::thread sends([&] {
    tool.send(bytes(size));
    tool.end_of_bytes();
  });
  std::this_thread::sleep_for(milliseconds(1000));  // until nothing moves
  stage.open.close();
  sends.join();
  const auto closed = stage.closed();
  CHECK(closed.reason == FlowReason::job_ended);
  CHECK(closed.bytes_down < size);
  CHECK(tool.receive(seconds(10)).bytes.size() == closed.bytes_down);
}

TEST_CASE("a reader that is slow is not idle while it takes what the kernel has") {
  Stage stage(generous(), 1000);
  auto tool = stage.connect(echo, 65'536);
  const auto sent = varied(4'000'000);
  std::thread sends([&] {
    tool.send(sent);
    tool.end_of_bytes();
  });
  std::string received;
  auto end = End::nothing;
  for (std::size_t had = 1; had > 0; std::this_thread::sleep_for(milliseconds(25))) {
    const auto part = tool.receive(seconds(20), 32'768);
    had = part.bytes.size();
    end = part.end;
    received += part.bytes;
  }
  sends.join();
  CHECK(end == End::eof);
  CHECK((received == sent));
  CHECK(stage.closed().reason == FlowReason::none);
}

TEST_CASE("more flows than there are pipes, whose readers wait, get all of theirs, and one pipe is left to others") {
  constexpr std::size_t flows = 24, most = 8;
  Stage stage(endless());
  const auto pid = stage.proxy.process().pid();
  const auto before = pipes(pid).size();
  std::vector<Connection> tools;
  std::vector<std::string> sent;
  std::vector<std::thread> sends;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < flows; ++i) {
    tools.push_back(stage.connect(echo, 65'536));
    sent.push_back(varied(8'000'000 + i));
    sum += sent[i].size();
  }
  for (std::size_t i = 0; i < flows; ++i)
    sends.emplace_back([&, i] {
      tools[i].send(sent[i]);
      tools[i].end_of_bytes();
    });
  for (auto& one : sends) one.join();
  const auto waiting = waiting_pipes(pid);
  CHECK((waiting > 0 && waiting < most));
  CHECK(pipes(pid).size() == before + most);  // all of them were needed at once
  auto quick = stage.connect(echo);
  const auto much = varied(4'000'000);
  CHECK((send_and_receive(quick, [&] { quick.send(much); }).bytes == much));
  CHECK(waiting_pipes(pid) < most);
  sum += much.size();
  for (std::size_t i = 0; i < flows; ++i) {
    const auto received = tools[i].receive(seconds(60));
    CHECK(received.end == End::eof);
    CHECK((received.bytes == sent[i]));
  }
  std::uint64_t up = 0, down = 0;
  for (const auto& one : stage.proxy.watcher().wait_for<FlowClosed>(flows + 1)) {
    CHECK(one.reason == FlowReason::none);
    up += one.bytes_up, down += one.bytes_down;
  }
  CHECK(up == sum);
  CHECK(down == sum);
  CHECK(waiting_pipes(pid) == 0);
  CHECK(pipes(pid).size() == before + most);
}

TEST_CASE("what waited in a pipe when its flow was cut is in no other flow") {
  Stage stage(endless());
  const auto pid = stage.proxy.process().pid();
  std::vector<Connection> tools;
  for (int i = 0; i < 4; ++i) tools.push_back(stage.connect(source, 65'536));
  REQUIRE(waiting_pipes(pid) > 0);
  for (auto& tool : tools) reset(tool);
  stage.closed(tools.size() - 1);
  auto other = stage.connect(echo);
  const auto sent = varied(8'000'000);
  const auto received = send_and_receive(other, [&] { other.send(sent); });
  CHECK(received.end == End::eof);
  CHECK((received.bytes == sent));
}

TEST_CASE("what is cut in the middle of a transfer at full speed is counted as far as it came") {
  for (const auto port : {source, sink}) {
    for (int i = 0; i < 5; ++i) {
      INFO("port " << port << ", time " << i);
      Stage stage(endless());
      auto tool = stage.connect(port);
      std::uint64_t got = port == source ? tool.receive(seconds(30), 1).bytes.size() : 0;
      std::thread moves([&] {
        while (port == sink && tool.send(bytes(1'000'000))) continue;
        got += tool.receive(seconds(30)).bytes.size();
      });
      stage.wait_for_flow();
      std::this_thread::sleep_for(milliseconds(10 + 7 * i));
      stage.open.close();
      moves.join();
      const auto closed = stage.closed();
      CHECK(closed.reason == FlowReason::job_ended);
      if (port == sink) got = stage.far()["in"].get<std::uint64_t>();
      CHECK(got > 0);
      CHECK(got == (port == source ? closed.bytes_down : closed.bytes_up));
    }
  }
}

TEST_CASE("a budget of bytes that many flows share is not exceeded by all of them together, slow or in a hurry") {
  for (const std::uint64_t rate : {std::uint64_t{1} << 30, budget_bytes / 4}) {
    for (const auto port : {source, sink}) {
      INFO(rate << " bytes a second, port " << port);
      Stage stage(small(rate));
      auto got = spend(stage, port);
      stage.open.close();
      const auto totals = stage.proxy.watcher().wait_for<JobClosed>();
      REQUIRE(totals.size() == 1);
      std::uint64_t up = 0, down = 0;
      const auto flows = stage.proxy.watcher().all<FlowClosed>();  // one that came too late was not let out
      const auto dialled = std::count_if(flows.begin(), flows.end(), [](const auto& one) { return one.dialled; });
      for (std::ptrdiff_t i = 0; port == sink && i < dialled; ++i)
        got += stage.far(static_cast<std::size_t>(i))["in"].get<std::uint64_t>();
      for (const auto& one : flows) {
        up += one.bytes_up, down += one.bytes_down;
        CHECK(one.reason == (port == source ? FlowReason::bytes_down_spent : FlowReason::bytes_up_spent));
      }
      CHECK(totals[0].bytes_up == up);
      CHECK(totals[0].bytes_down == down);
      const auto counted = port == source ? down : up;
      CHECK(counted <= budget_bytes);
      CHECK(counted + slack >= budget_bytes);
      CHECK(got == counted);
    }
  }
}

TEST_CASE("what a flow was given to send and never sent is there for the next one") {
  Stage stage(small(std::uint64_t{1} << 30));
  std::uint64_t sum = 0;
  constexpr std::size_t resets_of_ours = 10, each = 40'000;
  for (std::size_t i = 0; i < resets_of_ours; ++i) {
    auto tool = stage.connect(deaf);
    tool.send(bytes(each));
    std::this_thread::sleep_for(milliseconds(100));
    reset(tool);
    sum += stage.closed(i).bytes_up;
  }
  REQUIRE(sum < resets_of_ours * each / 2);
  auto takes_the_rest = stage.connect(sink);
  while (takes_the_rest.send(bytes(50'000))) continue;
  takes_the_rest.receive(seconds(30));
  sum += stage.closed(resets_of_ours).bytes_up;
  CHECK(sum <= budget_bytes);
  CHECK(sum + slack >= budget_bytes);
}

TEST_CASE("what the far side has sent is spent, also when the tool takes none of it and asks again") {
  Stage stage(small(std::uint64_t{1} << 30));
  std::vector<FlowDecided> denied;
  for (int i = 0; i < 10 && denied.empty(); ++i) {
    auto takes_nothing = stage.connect(source, 4096);
    std::this_thread::sleep_for(milliseconds(300));
    reset(takes_nothing);
    for (const auto& one : stage.proxy.watcher().all<FlowDecided>())
      if (!one.allowed()) denied.push_back(one);
  }
  REQUIRE_FALSE(denied.empty());
  CHECK(denied[0].reason == FlowReason::bytes_down_spent);
  stage.open.close();
  REQUIRE(stage.proxy.watcher().wait_for<JobClosed>().size() == 1);
  std::uint64_t passed = 0;
  for (const auto& one : stage.proxy.watcher().all<FlowClosed>()) passed += one.bytes_down;
  CHECK(passed < budget_bytes / 2);
}
