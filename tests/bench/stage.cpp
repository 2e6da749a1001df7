#include "tests/bench/stage.hpp"

#include <memory>

#include "tests/bench/client.hpp"
#include "tests/bench/table.hpp"
#include "tests/bench/warm.hpp"

namespace cordon::bench {
namespace {

using test::Instance;
using test::Json;

// Through the API, each lane on a connection of its own.
std::function<void(unsigned)> submit_to(const Instance& cordon, const Words& argv, unsigned lanes) {
  auto clients = std::make_shared<std::vector<std::unique_ptr<Client>>>();
  for (unsigned lane = 0; lane < lanes; ++lane) clients->push_back(std::make_unique<Client>(cordon.agent_socket()));
  return [clients, body = Json{{"argv", argv}, {"wait", true}}.dump()](unsigned lane) { clients->at(lane)->run(body); };
}

}  // namespace

Stage::Stage() : cold_(cold()), shipped_(warm()) {}

std::vector<Contender> Stage::contenders(const Words& argv, unsigned lanes) const {
  std::vector<Contender> all{bare_program(argv)};
  all.push_back(job(argv, lanes));
  all.push_back(cold_job(argv, lanes));
  if (lanes == 1) all.push_back(command_line(argv));
  for (const auto& each : peers_.all())
    if (each.cannot.empty()) all.push_back(peer(each, argv, lanes));
  return all;
}

Contender Stage::bare_program(const Words& argv) const {
  return {"bare posix_spawn, no sandbox", "bare", [program = bare(argv)](unsigned) { run(program); }};
}

Contender Stage::job(const Words& argv, unsigned lanes) const {
  return {"Cordon, warm", "warm", submit_to(shipped_, argv, lanes)};
}

Contender Stage::cold_job(const Words& argv, unsigned lanes) const {
  return {"Cordon, cold", "cold", submit_to(cold_, argv, lanes), 2};
}

Contender Stage::command_line(const Words& argv) const {
  Words words{CORDON_BIN_DIR "/cordon", "--runtime-dir", shipped_.runtime_dir(), "run", "--"};
  words.insert(words.end(), argv.begin(), argv.end());
  const Program program{words, shipped_.directory() + "/cordon-run.log", {}};
  return {"Cordon, `cordon run`", "cli", [program](unsigned) { run(program); }, 2};
}

std::optional<Contender> Stage::peer(const std::string& name, const Words& argv, unsigned lanes) const {
  const auto* found = peers_.find(name);
  if (found == nullptr) return std::nullopt;
  return peer(*found, argv, lanes);
}

Contender Stage::peer(const Peer& peer, const Words& argv, unsigned lanes) const {
  const bool is_quick = peer.name == "bubblewrap" || peer.name == "crun";
  return {peer.names(), peer.name,
          [prepared = peers_.prepare(peer, argv, lanes)](unsigned lane) { prepared.run(lane); },
          is_quick ? std::size_t{2} : std::size_t{8}};
}

void Stage::print_absent_rows(std::size_t columns) const {
  for (const auto& peer : peers_.all())
    if (!peer.cannot.empty()) print_absent(peer.names(), peer.cannot, columns);
}

}  // namespace cordon::bench
