#include "cli/job_request.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "cli/failure.hpp"
#include "profiles/limits.hpp"

namespace cordon::cli {
namespace {

struct Unit {
  std::string_view suffix;
  double factor;
};
constexpr std::array<Unit, 9> byte_units{{{"", 1},
                                          {"k", 1e3},
                                          {"M", 1e6},
                                          {"G", 1e9},
                                          {"T", 1e12},
                                          {"Ki", 1024.0},
                                          {"Mi", 1048576.0},
                                          {"Gi", 1073741824.0},
                                          {"Ti", 1099511627776.0}}};
constexpr std::array<Unit, 5> time_units{{{"", 1}, {"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}}};
constexpr std::array<Unit, 1> no_units{{{"", 1}}};

template <std::size_t Count>
double factor_of(std::string_view suffix, const std::array<Unit, Count>& units, std::string_view limit) {
  for (const auto& unit : units) {
    if (unit.suffix == suffix) return unit.factor;
  }
  std::vector<std::string_view> known;
  known.reserve(units.size());
  for (const auto& unit : units) known.push_back(unit.suffix);
  throw Failure(fmt::format("--limit {}: \"{}\" is not one of its units", limit, suffix),
                known.size() == 1 ? "write a plain number" : fmt::format("write one of:{}", fmt::join(known, " ")));
}

double factor_of(std::string_view name, std::string_view suffix, std::string_view limit) {
  if (name.ends_with("_ms")) return factor_of(suffix, time_units, limit);
  if (name.ends_with("_bytes"))
    return factor_of(suffix.ends_with("B") ? suffix.substr(0, suffix.size() - 1) : suffix, byte_units, limit);
  return factor_of(suffix, no_units, limit);
}

const LimitField& known_limit(std::string_view name) {
  const auto* field = std::find_if(limit_fields.begin(), limit_fields.end(),
                                   [name](const LimitField& known) { return known.name == name; });
  if (field != limit_fields.end()) return *field;
  std::vector<std::string_view> names;
  names.reserve(limit_fields.size());
  for (const auto& known : limit_fields) names.push_back(known.name);
  throw Failure(fmt::format("--limit: there is no limit \"{}\"", name),
                fmt::format("the limits are: {}", fmt::join(names, ", ")));
}

struct Pair {
  std::string name, value;
};

Pair split_pair(std::string_view text, std::string_view option) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw Failure(fmt::format("{} {}: write NAME=VALUE", option, text));
  }
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Pair environment_pair(const std::string& text) {
  if (text.find('=') != std::string::npos) return split_pair(text, "--env");
  const char* ours = std::getenv(text.c_str());
  if (ours == nullptr) throw Failure(fmt::format("--env {}: it is not set here", text), "write NAME=VALUE");
  return {text, ours};
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

Pair source_and_destination(const std::string& text) {
  const auto colon = text.rfind(':');
  const bool whole_is_source = colon == std::string::npos || exists(text);
  auto source = whole_is_source ? text : text.substr(0, colon);
  auto destination = whole_is_source ? source.substr(source.rfind('/') + 1) : text.substr(colon + 1);
  return {std::move(source), std::move(destination)};
}

Json input_file(const std::string& text) {
  const auto [source, destination] = source_and_destination(text);
  const int fd = ::open(source.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) < 0) throw Failure(fmt::format("--file {}: {}", source, std::strerror(errno)));
  if (S_ISDIR(info.st_mode))
    throw Failure(fmt::format("--file {}: it is a directory", source), "give its files one by one");
  auto encoded = encode_bytes(read_everything(fd, source));
  ::close(fd);
  return {{"path", destination},
          {"content", std::move(encoded.content)},
          {"encoding", encoded.encoding},
          {"mode", fmt::format("{:04o}", info.st_mode & 0777U)}};
}

void add_named(Json& request, const char* key, const std::string& value) {
  if (!value.empty()) request[key] = value;
}

bool is_utf8(std::string_view bytes) {
  try {
    (void)Json(std::string(bytes)).dump();              // throws on anything else (nlohmann::json::type_error 316)
    return bytes.find('\0') == std::string_view::npos;  // which Cordon does not take in a string
  } catch (const Json::type_error&) {
    return false;
  }
}

}  // namespace

std::pair<std::string, Json> parse_limit(std::string_view text) {
  const auto [name, value] = split_pair(text, "--limit");
  const auto& field = known_limit(name);
  double number = 0;
  const auto [rest, error] =
      std::from_chars(value.data(), value.data() + value.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(number))
    throw Failure(fmt::format("--limit {}: \"{}\" is not a number", text, value));
  number *= factor_of(name, std::string_view(rest, static_cast<std::size_t>(value.data() + value.size() - rest)), text);
  if (field.member == &Limits::cpus_milli) return {name, number};
  if (number != std::floor(number) || std::fabs(number) > 9007199254740991.0) {
    throw Failure(fmt::format("--limit {}: it must be a whole number", text));
  }
  return {name, static_cast<std::int64_t>(number)};
}

EncodedBytes encode_bytes(std::string_view bytes) {
  if (is_utf8(bytes)) return {std::string(bytes), "utf8"};
  std::string encoded(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(encoded.data(), encoded.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  encoded.pop_back();  // its terminating NUL
  return {std::move(encoded), "base64"};
}

std::string decode_base64(std::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(), nullptr,
                        &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0) {
    throw Failure("Cordon sent output that is not base64");
  }
  bytes.resize(size);
  return bytes;
}

std::string read_everything(int fd, const std::string& name) {
  std::string all;
  std::array<char, 65536> chunk{};
  while (true) {
    const auto n = ::read(fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Failure(fmt::format("cannot read {}: {}", name, std::strerror(errno)));
    if (n == 0) return all;
    all.append(chunk.data(), static_cast<std::size_t>(n));
  }
}

std::string job_request(const JobWish& wish) {
  Json request{{"argv", wish.argv}, {"wait", false}};
  add_named(request, "profile", wish.profile);
  add_named(request, "image", wish.image);
  add_named(request, "cwd", wish.cwd);
  add_named(request, "on_output_limit", wish.on_output_limit);
  add_named(request, "grant", wish.grant);
  if (wish.timings) request["timings"] = true;
  if (!wish.collect.empty()) request["collect"] = wish.collect;
  for (const auto& limit : wish.limits) {
    auto [name, value] = parse_limit(limit);
    request["limits"][name] = std::move(value);
  }
  for (const auto& variable : wish.env) {
    const auto [name, value] = environment_pair(variable);
    request["env"][name] = value;
  }
  for (const auto& label : wish.labels) {
    const auto [name, value] = split_pair(label, "--label");
    request["labels"][name] = value;
  }
  for (const auto& file : wish.files) request["files"].push_back(input_file(file));
  if (wish.stdin_too) {
    auto encoded = encode_bytes(read_everything(STDIN_FILENO, "standard input"));
    request["stdin"] = std::move(encoded.content);
    request["stdin_encoding"] = encoded.encoding;
  }
  try {
    return request.dump();
  } catch (const Json::type_error&) {  // 316: a word of the command line that is not UTF-8
    throw Failure("the command, its options and variables must be UTF-8", "files and --stdin may hold any bytes");
  }
}

}  // namespace cordon::cli
