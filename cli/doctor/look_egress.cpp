#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <sstream>

#include "cli/doctor/look.hpp"
#include "cli/failure.hpp"
#include "cli/job_request.hpp"
#include "cli/terminal.hpp"
#include "sandbox/kernel/fd.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration): unistd.h has it for GNU only

namespace cordon::cli::doctor {
namespace {

using namespace std::chrono_literals;

constexpr auto answer_patience = 5s;

// nullopt: there is nobody who says it.
std::optional<EgressFacts::Granting> ask_for_grants(const Session& session) {
  try {
    const auto response = broadest_client(session).send({.target = "/v1/profiles", .timeout = answer_patience});
    if (response.status != 200) return std::nullopt;
    EgressFacts::Granting granting;
    const auto answer = parse_answer(response.body);
    for (const auto& profile : answer.at("profiles")) {
      const auto grants = profile.value("egress", Json::array());
      if (!grants.empty()) granting.profiles.push_back(for_one_line(profile.value("name", "?")));
      for (const auto& grant : grants) granting.by_name = granting.by_name || grant.contains("name");
    }
    return granting;
  } catch (const Failure&) {
    return std::nullopt;
  }
}

// How this instance's wall is asked for: words for cordon-egress-wall, or why there are none.
struct WallWords {
  std::vector<std::string> words;
  std::string why_not;
};

std::map<std::string, std::string> instance_file(const Session& session) {
  std::map<std::string, std::string> out;
  std::istringstream lines(text_of_file(session.runtime_dir + "/instance.env").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const auto middle = line.find('=');
    if (middle != line.npos) out[line.substr(0, middle)] = line.substr(middle + 1);
  }
  return out;
}

WallWords words_for_wall(const Session& session, const Places& places, const EgressConfig& config) {
  if (places.is_installed) {
    if (::getpwnam(config.user.c_str()) == nullptr) return {{}, "there is no user " + config.user};
    return {{"/usr/libexec/cordon/cordon-egress-wall", "--check", "--config", places.config_file}, ""};
  }
  auto named = instance_file(session);
  if (named["INSTANCE"].empty() || named["EGRESS_UID"].empty())
    return {{}, session.runtime_dir + "/instance.env does not say which instance this is"};
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return {{self.parent_path() / "cordon-egress-wall", "--check", "--config", places.config_file, "--instance",
           named["INSTANCE"], "--uid", named["EGRESS_UID"]},
          ""};
}

struct Told {
  int status = -1;  // as waitpid(2) has it
  std::string text;
};

// A program of ours, started as it is: no shell, nothing on its standard input, all that it says.
Told run_program(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw Failure(fmt::format("no pipe: {}", std::strerror(errno)));
  const Fd read(ends[0]);
  Fd write(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  for (const int out : {STDOUT_FILENO, STDERR_FILENO}) posix_spawn_file_actions_adddup2(&actions, write.get(), out);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  write.reset();
  if (error != 0) throw Failure(fmt::format("cannot start {}: {}", words[0], std::strerror(error)));
  Told told;
  told.text = read_everything(read.get(), words[0]);
  while (::waitpid(pid, &told.status, 0) < 0 && errno == EINTR) continue;
  return told;
}

Looked look_at_wall(const WallWords& asked) {
  if (!asked.why_not.empty()) return {false, asked.why_not};
  if (::geteuid() != 0) return {std::nullopt, "only root may ask the kernel for it"};
  try {
    const auto told = run_program(asked.words);
    const auto text = for_one_line(told.text.substr(0, told.text.find('\n')));
    const int code = WIFEXITED(told.status) ? WEXITSTATUS(told.status) : -1;
    if (code == 0) return {true, text};
    if (code == 2 || code == 3) return {false, text};
    return {std::nullopt, fmt::format("{} could not tell: {}", asked.words[0], text)};
  } catch (const Failure& failure) {
    return {std::nullopt, failure.what()};
  }
}

// cordond asks it for its figures whenever it is asked itself (GET /v1/info).
Looked proxy_as_told(const Json& info) {
  if (info.is_null()) return {std::nullopt, "cordond does not answer, and nobody else may ask it"};
  const auto egress = info.is_object() ? info.value("egress", Json()) : Json();
  const auto state = egress.is_object() ? egress.value("state", std::string()) : std::string();
  if (state == "serving") return {true, "answers cordond"};
  if (state == "not_in_use") return {std::nullopt, "cordond asks it nothing before a profile grants something"};
  if (state == "unreachable") return {false, "cordond cannot connect to it"};
  if (state == "silent") return {false, "it holds its connection with cordond and does not answer: it hangs"};
  return {std::nullopt, "cordond did not tell"};
}

}  // namespace

EgressFacts look_at_egress(const Session& session, const Places& places, const EgressConfig& config, const Json& info) {
  EgressFacts egress;
  egress.granting = ask_for_grants(session);
  if (!egress.is_used(config)) return egress;
  egress.wall = look_at_wall(words_for_wall(session, places, config));
  egress.proxy = proxy_as_told(info);
  return egress;
}

}  // namespace cordon::cli::doctor
