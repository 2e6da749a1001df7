// What one job takes, from asking for it to having its answer, beside the same program without a sandbox and in the
// other sandboxes of Debian.
#include <catch2/catch.hpp>
#include <memory>

#include "tests/bench/client.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/turns.hpp"
#include "tests/bench/warm.hpp"
#include "tests/promises/instance.hpp"

using namespace cordon::bench;
using cordon::test::Instance;
using cordon::test::Json;
using std::chrono::milliseconds;

namespace {

struct Tool {
  std::string title, figure;
  Words argv;
  int turns, paused_turns;
  std::size_t each_turn;  // of what is fast; a tenth of it for what is slow
};

std::vector<Tool> tools() {
  const auto numeric = cordon::test::read_text(CORDON_SOURCE_DIR "/tests/bench/numeric.py");
  return {{"true", "true", {"true"}, 25, 20, 40},
          {"python3 -c pass", "python", {"python3", "-c", "pass"}, 10, 4, 20},
          {"a numeric script of 100 lines", "numeric", {"python3", "-c", numeric}, 8, 3, 12},
          {"node -e ''", "node", {"node", "-e", ""}, 6, 3, 10}};
}

class Stage {
 public:
  Stage() : cold_(cold()), cold_client_(cold_.agent_socket()) {
    if (!has_warm_sandboxes) return;
    warm_ = std::make_unique<Instance>(warm());
    warm_client_ = std::make_unique<Client>(warm_->agent_socket());
  }

  std::vector<Contender> contenders(const Tool& tool, std::size_t each_turn) {
    const auto slow = std::max<std::size_t>(each_turn / 8, 3);
    const auto body = Json{{"argv", tool.argv}, {"wait", true}}.dump();
    std::vector<Contender> all;
    const auto program = bare(tool.argv);
    all.push_back({"bare posix_spawn, no sandbox", "bare", [program] { run(program); }, each_turn});
    if (warm_ != nullptr) all.push_back({"Cordon, warm", "warm", [this, body] { warm_client_->run(body); }, each_turn});
    all.push_back({"Cordon, cold", "cold", [this, body] { cold_client_.run(body); }, each_turn / 2});
    const auto command = command_line(tool.argv);
    all.push_back({"Cordon, `cordon run`", "cli", [command] { run(command); }, each_turn / 2});
    for (const auto& peer : peers_.all()) {
      if (!peer.cannot.empty()) continue;
      const auto prepared = peers_.prepare(peer, tool.argv);
      const bool is_fast = peer.name == "bubblewrap" || peer.name == "crun";
      all.push_back({peer.names(), peer.name, [prepared] { prepared.run(); }, is_fast ? each_turn / 2 : slow});
    }
    return all;
  }

  void print_who_is_missing() const {
    if (warm_ == nullptr) print_absent_row("Cordon, warm", "this Cordon has no warm sandboxes");
    for (const auto& peer : peers_.all())
      if (!peer.cannot.empty()) print_absent_row(peer.names(), peer.cannot);
  }

 private:
  Program command_line(const Words& argv) const {
    const auto& instance = warm_ == nullptr ? cold_ : *warm_;
    Words words{CORDON_BIN_DIR "/cordon", "--runtime-dir", instance.runtime_dir(), "run", "--"};
    words.insert(words.end(), argv.begin(), argv.end());
    return {words, instance.directory() + "/cordon-run.log", {}};
  }

  Peers peers_;
  Instance cold_;
  Client cold_client_;
  std::unique_ptr<Instance> warm_;
  std::unique_ptr<Client> warm_client_;
};

void measure(Stage& stage, const Tool& tool, const std::string& how, const std::string& figures, int turns,
             std::size_t each_turn, milliseconds pause) {
  print_heading("`" + tool.title + "`, " + how,
                "One after another, " + how + ". Cordon through its API unless the row says otherwise.");
  auto contenders = stage.contenders(tool, each_turn);
  take_turns(contenders, turns, pause);
  print_contenders(contenders, figures + "." + tool.figure);
  stage.print_who_is_missing();
}

}  // namespace

TEST_CASE("latency") {
  Stage stage;
  for (const auto& tool : tools())
    measure(stage, tool, "back to back", "latency", tool.turns, tool.each_turn, milliseconds(0));
  for (const auto& tool : tools())
    measure(stage, tool, "with pauses of 40 ms", "paused", tool.paused_turns, std::min<std::size_t>(tool.each_turn, 12),
            milliseconds(40));
}
