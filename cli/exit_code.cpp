#include "cli/exit_code.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <string_view>

#include "cli/terminal.hpp"

namespace cordon::cli {
namespace {

std::string text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? for_one_line(found->get<std::string>()) : std::string{};
}

int number(const Json& object, const char* key, int otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<int>() : otherwise;
}

std::string in_brackets(const std::string& inner) {
  return inner.empty() ? std::string{} : " (" + inner + ")";
}

std::string error_text(const Json& failure) {
  const auto found = failure.find("errno");
  if (found == failure.end()) return "no errno";
  if (found->is_string()) return for_one_line(found->get<std::string>());
  return found->is_number_integer() ? std::strerror(found->get<int>()) : "no errno";
}

std::string why_exec_failed(const Json& outcome) {
  const auto error = outcome.find("error");
  if (error == outcome.end() || !error->is_object()) return {};
  return fmt::format("the command could not be executed: {}: {}", text(*error, "step"), error_text(*error));
}

std::string why_setup_failed(const Json& outcome) {
  const auto remedy = text(outcome, "remedy");
  return fmt::format("Cordon could not build the sandbox: {} {}: {}{}", text(outcome, "step"), text(outcome, "object"),
                     error_text(outcome), remedy.empty() ? "" : "; " + remedy);
}

std::string why_killed(const Json& outcome) {
  return fmt::format("killed by {} for scope {}{}", text(outcome, "by"), text(outcome, "scope"),
                     in_brackets(text(outcome, "reason")));
}

struct Meaning {
  std::string_view kind;
  int exit_code;
  std::string (*reason)(const Json& outcome);
};

constexpr std::array<Meaning, 12> meanings{{
    {"exited", 0, why_exec_failed},
    {"signalled", exit_signal_base,
     [](const Json& o) {
       return fmt::format("ended by signal {}{}", number(o, "signal", 0), in_brackets(text(o, "name")));
     }},
    {"timed_out", exit_timed_out,
     [](const Json& o) { return fmt::format("timed out: the {} time limit was reached", text(o, "limit")); }},
    {"out_of_memory", exit_killed,
     [](const Json&) -> std::string { return "out of memory: memory_bytes was reached"; }},
    {"output_limit", exit_output_limit, [](const Json&) -> std::string { return "ended: output_bytes was reached"; }},
    {"cancelled", exit_cancelled, [](const Json&) -> std::string { return "cancelled"; }},
    {"killed", exit_killed, why_killed},
    {"denied", exit_cordon_failed,
     [](const Json& o) { return fmt::format("denied by {}{}", text(o, "by"), in_brackets(text(o, "reason"))); }},
    {"expired", exit_cordon_failed, [](const Json&) -> std::string { return "expired: nobody approved it in time"; }},
    {"invalid_output", exit_cordon_failed,
     [](const Json&) -> std::string { return "the tool's output does not match what it promises"; }},
    {"lost", exit_cordon_failed,
     [](const Json& o) { return fmt::format("lost: how it ended is not known{}", in_brackets(text(o, "reason"))); }},
    {"setup_failed", exit_cordon_failed, why_setup_failed},
}};

const Meaning* meaning_of(const Json& outcome) {
  const auto kind = outcome.is_object() ? outcome.value("kind", "") : std::string{};
  for (const auto& meaning : meanings) {
    if (meaning.kind == kind) return &meaning;
  }
  return nullptr;
}

}  // namespace

int exit_code_of(const Json& outcome) {
  const auto* meaning = meaning_of(outcome);
  if (meaning == nullptr) return exit_cordon_failed;
  if (meaning->kind == "exited") return number(outcome, "code", exit_cordon_failed);
  if (meaning->kind == "signalled") return exit_signal_base + number(outcome, "signal", 0);
  return meaning->exit_code;
}

std::string reason_of(const Json& outcome) {
  const auto* meaning = meaning_of(outcome);
  return meaning == nullptr
             ? "it ended in a way this client does not know: " + for_one_line(outcome.dump(-1, ' ', true))
             : meaning->reason(outcome);
}

}  // namespace cordon::cli
