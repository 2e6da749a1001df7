// `cordon profile list|show|check`, `cordon info` and `cordon reload`.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"
#include "profiles/profile.hpp"
#include "profiles/seccomp_comparisons.hpp"

namespace cordon::cli {
namespace {

std::string read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Failure(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  auto text = read_everything(fd, path);
  ::close(fd);
  return text;
}

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}
std::string folder(const std::string& path) {
  return path.substr(0, path.size() - file_name(path).size());
}

std::string profile_name(const std::string& path) {
  const auto name = file_name(path);
  return name.substr(0, name.find('.'));
}

Json all_profiles(const Session& session) {
  return broadest_client(session).get_json({.target = "/v1/profiles"}).at("profiles");
}

void print_errors(const Session& session, const std::string& file, const FieldErrors& errors) {
  if (session.json) {
    auto list = Json::array();
    for (const auto& error : errors) list.push_back({{"pointer", error.pointer}, {"detail", error.detail}});
    fmt::print("{}\n",
               Json{{"file", file}, {"errors", std::move(list)}}.dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  for (const auto& error : errors) {
    fmt::print(stderr, "{}: {}: {}\n", file, error.pointer.empty() ? "(the document)" : for_one_line(error.pointer),
               for_one_line(error.detail));
  }
}

}  // namespace

int list_profiles(const Session& session) {
  const auto profiles = all_profiles(session);
  if (session.json) {
    fmt::print("{}\n", json_text(profiles));
    return 0;
  }
  std::vector<Row> rows;
  for (const auto& profile : profiles) rows.push_back({profile.value("name", ""), profile.value("why", "")});
  fmt::print("{}", table({"NAME", "WHY"}, rows));
  return 0;
}

int show_profile(const Session& session, const std::string& name) {
  const auto profiles = all_profiles(session);
  for (const auto& profile : profiles) {
    if (profile.value("name", "") != name) continue;
    fmt::print("{}\n", json_text(profile));
    return 0;
  }
  throw Failure(fmt::format("there is no profile \"{}\"", for_one_line(name)), "`cordon profile list` shows them");
}

int check_profile(const Session& session, const std::string& file) {
  const ReadBeside beside = [&](std::string_view name) -> std::optional<std::string> {
    const auto path = folder(file) + std::string(name);
    if (::access(path.c_str(), R_OK) < 0) return std::nullopt;
    return read_file(path);
  };
  const auto profile = parse_profile(profile_name(file), read_file(file), beside);
  if (!profile) {
    print_errors(session, file, profile.error());
    return 1;
  }
  const auto narrowed = narrowings(profile->seccomp);
  if (session.json) {
    const Json report{{"file", file},
                      {"name", profile->name},
                      {"sha256", hex(profile->digest)},
                      {"narrowed", narrowed},
                      {"errors", Json::array()}};
    fmt::print("{}\n", json_text(report));
  } else {
    fmt::print("{}: ok\n  why     {}\n  sha256  {}\n", file, for_one_line(profile->why), hex(profile->digest));
    for (const auto& line : profile->seccomp.left_out) fmt::print("  seccomp rule left out: {}\n", for_one_line(line));
    for (const auto& line : narrowed) fmt::print("  seccomp rule narrowed: {}\n", for_one_line(line));
  }
  return 0;
}

int show_info(const Session& session) {
  fmt::print("{}\n", json_text(broadest_client(session).get_json({.target = "/v1/info"})));
  return 0;
}

int reload_instance(const Session& session) {
  const auto answer = operator_client(session).get_json({"POST", "/v1/reload"});
  fmt::print("{}\n", session.json ? json_text(answer)
                                  : fmt::format("loaded: {} profiles are in force", answer.at("profiles").dump()));
  return 0;
}

}  // namespace cordon::cli
