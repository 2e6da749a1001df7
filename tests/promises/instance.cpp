#include "tests/promises/instance.hpp"

#include <sodium.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

namespace cordon::test {
namespace {

namespace fs = std::filesystem;
constexpr auto end_patience = std::chrono::seconds(20);

std::string fresh_directory() {
  std::string name = "/tmp/cordon-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  fs::permissions(name, fs::perms(0755));
  return name;
}

std::map<std::string, std::string> read_variables(const std::string& path) {
  std::map<std::string, std::string> variables;
  std::istringstream text(read_text(path));
  for (std::string line; std::getline(text, line);) {
    const auto equals = line.find('=');
    if (equals != std::string::npos) variables[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return variables;
}

// For jobs that say nothing of time, where programs are slow.
void widen_times(const std::string& profiles) {
  for (const auto& entry : fs::directory_iterator(profiles)) {
    if (entry.path().string().ends_with(".seccomp.json")) continue;
    auto profile = Json::parse(read_text(entry.path()), nullptr, true, true);
    for (const char* part : {"limits", "defaults"})
      for (const char* limit : {"wall_ms", "cpu_ms"})
        profile[part][limit] = profile[part][limit].get<std::uint64_t>() * static_cast<std::uint64_t>(slowness());
    std::ofstream(entry.path()) << profile.dump();
  }
}

std::string base64(const std::string& bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();
  return out;
}

std::string describe(std::optional<int> status) {
  if (!status) return "did not end";
  if (WIFSIGNALED(*status)) return "ended by signal " + std::to_string(WTERMSIG(*status));
  return "exited " + std::to_string(WEXITSTATUS(*status));
}

}  // namespace

Instance::Instance(const Json& config, std::vector<std::string> launcher) : directory_(fresh_directory()) {
  try {
    prepare(config);
    launcher.insert(launcher.end(), {"--private", "--runtime-dir", runtime_dir(), "--state-dir", directory_ + "/state",
                                     "--config", directory_ + "/cordon.json"});
    launcher_command_ = std::move(launcher);
    start_launcher();
    start_ledger();
    start_daemon();
  } catch (...) {
    end_processes();
    fs::remove_all(directory_);
    throw;
  }
}

// Copies what the daemon's user must be able to read: this tree may stand in root's home.
void Instance::prepare(const Json& config) {
  fs::create_directory(directory_ + "/bin");
  for (const char* program : {"cordond", "cordon-ledger"})
    fs::copy_file(std::string(CORDON_BIN_DIR "/") + program, directory_ + "/bin/" + program);
  fs::copy(CORDON_SOURCE_DIR "/profiles/data", directory_ + "/profiles");
  if (slowness() > 1) widen_times(directory_ + "/profiles");
  auto all = config;
  if (!all.contains("profile_dirs")) all["profile_dirs"] = Json::array({directory_ + "/profiles"});
  if (!all.contains("warm")) all["warm"] = Json::object();  // most tests count the processes and cgroups of their jobs
  std::ofstream(directory_ + "/cordon.json") << all.dump(2);
  for (const auto& entry : fs::recursive_directory_iterator(directory_)) {
    fs::permissions(entry.path(), fs::perms(0755));
  }
}

void Instance::start_launcher() {
  launcher_ = Process(launcher_command_, directory_ + "/launcher.log", true);
  read_ids();
}

void Instance::restart_launcher() {
  launcher_.end(end_patience);
  start_launcher();
}

std::string Instance::variable(const std::string& name) const {
  return read_variables(runtime_dir() + "/instance.env").at(name);
}

void Instance::read_ids() {
  const auto variables = read_variables(runtime_dir() + "/instance.env");
  const auto id = [&](const char* name) { return static_cast<std::uint32_t>(std::stoul(variables.at(name))); };
  name_ = variables.at("INSTANCE");
  daemon_uid_ = id("DAEMON_UID");
  daemon_gid_ = id("DAEMON_GID");
  agent_gid_ = id("AGENT_GID");
  operator_gid_ = id("OPERATOR_GID");
  first_uid_ = id("FIRST_UID");
  uid_count_ = id("UID_COUNT");
  if (variables.contains("LEDGER_UID")) ledger_uid_ = id("LEDGER_UID");
}

void Instance::start_ledger(std::vector<std::string> options) {
  if (!ledger_uid_) return;
  const auto uid = std::to_string(*ledger_uid_);
  std::vector<std::string> command{"setpriv",
                                   "--reuid",
                                   uid,
                                   "--regid",
                                   uid,
                                   "--clear-groups",
                                   "--inh-caps=-all",
                                   "--bounding-set=-all",
                                   "--no-new-privs",
                                   "--pdeathsig",
                                   "KILL",
                                   directory_ + "/bin/cordon-ledger",
                                   "--runtime-dir",
                                   runtime_dir(),
                                   "--state-dir",
                                   directory_ + "/state",
                                   "--daemon-uid",
                                   std::to_string(daemon_uid_)};
  command.insert(command.end(), options.begin(), options.end());
  ledger_ = Process(command, directory_ + "/ledger.log", true);
}

void Instance::start_daemon() {
  const auto text = [](std::uint32_t id) { return std::to_string(id); };
  daemon_ = Process({"sh",
                     "-c",
                     "echo -500 2>/dev/null >/proc/self/oom_score_adj; exec \"$@\"",
                     "sh",  // as its unit has it
                     "setpriv",
                     "--reuid",
                     text(daemon_uid_),
                     "--regid",
                     text(daemon_gid_),
                     "--groups",
                     text(agent_gid_) + "," + text(operator_gid_),
                     "--inh-caps=-all",
                     "--bounding-set=-all",
                     "--no-new-privs",
                     "--pdeathsig",
                     "KILL",  // become()'s is cleared when the user changes (prctl(2)); this is set after that
                     directory_ + "/bin/cordond",
                     "--runtime-dir",
                     runtime_dir(),
                     "--state-dir",
                     directory_ + "/state",
                     "--config",
                     directory_ + "/cordon.json",
                     "--agent-gid",
                     text(agent_gid_),
                     "--operator-gid",
                     text(operator_gid_)},
                    directory_ + "/cordond.log", true);
}

Instance::~Instance() {
  end_processes();
  expect_nothing_left();
  std::error_code error;
  fs::remove_all(directory_, error);
}

void Instance::end_processes() {
  for (auto* process : {&daemon_, &launcher_, &ledger_}) {
    if (process->pid() <= 0) continue;
    const auto status = process->end(end_patience);
    const auto* name = process == &daemon_ ? "cordond" : process == &ledger_ ? "cordon-ledger" : "cordon-launcher";
    if (!status || *status != 0) FAIL_CHECK(name << " " << describe(status) << "; its log:\n" << logs());
  }
}

void Instance::expect_nothing_left() const {
  const auto mine = whose();
  const bool gone = eventually([&] { return job_processes(mine).empty() && instance_cgroups(name_).empty(); },
                               std::chrono::seconds(5));
  if (!gone) {
    FAIL_CHECK("left behind by " << name_ << ": " << job_processes(mine).size()
                                 << " processes, cgroups: " << Json(instance_cgroups(name_)).dump());
  }
  if (read_text("/proc/self/mountinfo").find(directory_) != std::string::npos) FAIL_CHECK("a mount is left behind");
  for (const auto& socket : {agent_socket(), operator_socket(), launcher_socket()}) {
    if (fs::exists(socket)) FAIL_CHECK("a socket is left behind: " << socket);
  }
}

Answer Instance::get(const std::string& target) const {
  return request({.target = target});
}

Answer Instance::post(const Json& job, std::vector<std::string> headers) const {
  return request({.method = "POST", .target = "/v1/jobs", .body = job.dump(), .headers = std::move(headers)});
}

Answer Instance::remove(const std::string& target) const {
  return request({.method = "DELETE", .target = target});
}

Json Instance::run(Json job) const {
  job["wait"] = true;
  const auto answer = post(job);
  INFO(answer.body << "\n" << logs());
  REQUIRE(answer.status == 200);
  auto finished = answer.json();
  REQUIRE(finished.at("state") == "finished");
  return finished;
}

Json Instance::submit(Json job) const {
  job["wait"] = false;
  const auto answer = post(job);
  INFO(answer.body);
  REQUIRE(answer.status == 202);
  return answer.json();
}

Json Instance::finished(const std::string& id, std::chrono::seconds patience) const {
  const auto answer = get("/v1/jobs/" + id + "?wait=" + std::to_string(patience.count()));
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  auto job = answer.json();
  REQUIRE(job.at("state") == "finished");
  return job;
}

bool Instance::reaches(const std::string& id, const std::string& state) const {
  return eventually([&] { return get("/v1/jobs/" + id).json().at("state") == state; });
}

// The ids between the socket groups' and the jobs' belong to nobody.
Credentials Instance::agent(unsigned number) const {
  return {daemon_uid_ + 8 + number, daemon_gid_ + 8 + number, {agent_gid_}};
}
Credentials Instance::stranger() const {
  return {daemon_uid_ + 7, daemon_gid_ + 7, {}};
}
Credentials Instance::operator_person() const {
  return {daemon_uid_ + 6, daemon_gid_ + 6, {operator_gid_}};
}

Whose Instance::whose() const {
  return {name_, first_uid_, uid_count_, launcher_.pid(), daemon_.pid()};
}

Counts Instance::counts_settled_at(const Counts& expected, std::chrono::milliseconds patience) const {
  Counts last;
  const auto is_as_expected = [&] {
    last = counts();
    return last == expected;
  };
  eventually(is_as_expected, patience);
  return last;  // not counted once more: cordond may just then have a file open
}

Counts Instance::counts_at_rest() const {
  constexpr auto pause = std::chrono::milliseconds(200);
  auto last = counts();
  for (const auto deadline = std::chrono::steady_clock::now() + end_patience;;) {
    std::this_thread::sleep_for(pause);
    const auto now = counts();
    if (now == last || std::chrono::steady_clock::now() > deadline) return now;
    last = now;
  }
}

std::string Instance::logs() const {
  return "--- ledger\n" + read_text(directory_ + "/ledger.log") + "--- launcher\n" +
         read_text(directory_ + "/launcher.log") + "--- cordond\n" + read_text(directory_ + "/cordond.log");
}

Json upload(const std::string& name, const std::string& host_file) {
  return {{"path", name}, {"content", base64(read_text(host_file))}, {"encoding", "base64"}, {"mode", "0755"}};
}

Json probe(const std::string& name, std::vector<std::string> arguments) {
  Json job = Json::object();
  job["argv"] = Json::array({"./" + name});
  job["files"] = Json::array({upload(name, CORDON_PROBE_DIR "/" + name)});
  for (auto& argument : arguments) job["argv"].push_back(std::move(argument));
  return job;
}

Json python(const std::string& code, const Json& collect) {
  return {{"argv", Json::array({"python3", "-c", code})}, {"collect", collect}};
}

std::string ending_of(const Json& job) {
  return job.at("outcome").dump() + "\n" + job.at("stdout").get<std::string>() + job.at("stderr").get<std::string>();
}

}  // namespace cordon::test
