#include "profiles/seccomp_policy.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "profiles/json_reader.hpp"
#include "profiles/seccomp_conditions.hpp"

namespace cordon {
namespace {

template <typename T>
struct Word {
  std::string_view name;
  T meaning;
};

constexpr std::array<Word<SeccompVerdict>, 7> verdicts{{
    {"SCMP_ACT_ALLOW", SeccompVerdict::allow},
    {"SCMP_ACT_ERRNO", SeccompVerdict::errno_value},
    {"SCMP_ACT_KILL", SeccompVerdict::kill_thread},  // libseccomp's meaning of the old name
    {"SCMP_ACT_KILL_THREAD", SeccompVerdict::kill_thread},
    {"SCMP_ACT_KILL_PROCESS", SeccompVerdict::kill_process},
    {"SCMP_ACT_TRAP", SeccompVerdict::trap},
    {"SCMP_ACT_LOG", SeccompVerdict::log},
}};

constexpr std::array<Word<SeccompCompare>, 7> compares{{
    {"SCMP_CMP_NE", SeccompCompare::ne},
    {"SCMP_CMP_LT", SeccompCompare::lt},
    {"SCMP_CMP_LE", SeccompCompare::le},
    {"SCMP_CMP_EQ", SeccompCompare::eq},
    {"SCMP_CMP_GE", SeccompCompare::ge},
    {"SCMP_CMP_GT", SeccompCompare::gt},
    {"SCMP_CMP_MASKED_EQ", SeccompCompare::masked_eq},
}};

constexpr IntegerRange any_errno{0, max_errno_value};
constexpr IntegerRange any_integer{0, std::numeric_limits<std::uint64_t>::max()};

template <typename T, std::size_t n>
std::optional<T> look_up(const std::array<Word<T>, n>& words, std::string_view name) {
  const auto at = std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.name == name; });
  return at == words.end() ? std::nullopt : std::optional(at->meaning);
}

bool is_there(const Json* value) {
  return value != nullptr && !value->is_null();
}

SeccompAction read_action(ObjectReader& object, std::string_view action_key, std::string_view errno_key) {
  SeccompAction action;
  const auto name = object.require_string(action_key);
  if (name == "SCMP_ACT_TRACE" || name == "SCMP_ACT_NOTIFY") {
    object.error(action_key, "is not offered: nothing would answer it, so every such call would fail with ENOSYS");
  } else if (const auto verdict = look_up(verdicts, name)) {
    action.verdict = *verdict;
  } else if (!name.empty()) {
    object.error(action_key,
                 "is not an action: SCMP_ACT_ALLOW, _ERRNO, _KILL, _KILL_THREAD, _KILL_PROCESS, _TRAP, _LOG");
  }
  const Json* number = object.find(errno_key);
  if (!is_there(number)) return action;
  object.optional(errno_key, any_errno, action.errno_value);
  if (action.verdict != SeccompVerdict::errno_value) {
    object.error(errno_key, "goes with SCMP_ACT_ERRNO only");
    action.errno_value = SeccompAction{}.errno_value;
  }
  return action;
}

std::optional<SeccompArg> read_arg(const Json& value, std::string_view pointer, FieldErrors& errors) {
  const auto before = errors.size();
  SeccompArg arg;
  ObjectReader object(value, pointer, errors);
  arg.index = static_cast<std::uint32_t>(object.require_integer("index", {0, 5}));
  arg.value = object.require_integer("value", any_integer);
  object.optional("valueTwo", any_integer, arg.value_two);
  const auto op = object.require_string("op");
  if (const auto compare = look_up(compares, op)) {
    arg.op = *compare;
  } else if (!op.empty()) {
    object.error("op", "is not a comparison: SCMP_CMP_NE, _LT, _LE, _EQ, _GE, _GT, _MASKED_EQ");
  }
  object.refuse_unknown_keys();
  if (errors.size() != before) return std::nullopt;
  return arg;
}

bool has_two_on_one_index(const std::vector<SeccompArg>& args) {
  for (auto a = args.begin(); a != args.end(); ++a) {
    if (std::any_of(a + 1, args.end(), [&](const SeccompArg& b) { return b.index == a->index; })) return true;
  }
  return false;
}

bool are_on_one_index(const std::vector<SeccompArg>& args) {
  return std::all_of(args.begin(), args.end(), [&](const SeccompArg& arg) { return arg.index == args[0].index; });
}

std::vector<SeccompArg> read_args(ObjectReader& rule, FieldErrors& errors) {
  const Json* list = rule.find("args");
  if (!is_there(list)) return {};
  if (!list->is_array()) return rule.error("args", "must be an array"), std::vector<SeccompArg>{};
  std::vector<SeccompArg> args;
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (const auto arg = read_arg((*list)[i], pointer_to(rule.pointer("args"), i), errors)) args.push_back(*arg);
  }
  // runc takes every comparison of such a rule as an alternative, which allows more than its author can have meant.
  if (has_two_on_one_index(args) && !are_on_one_index(args)) {
    rule.error("args", "compares one argument twice and another one too: write one rule for each alternative");
  }
  return args;
}

// Moby's older files have one "name", the newer ones "names".
std::vector<std::string> read_names(ObjectReader& rule) {
  std::vector<std::string> names;
  rule.optional("names", names);
  std::string name;
  rule.optional("name", name);
  if (!name.empty()) names.push_back(std::move(name));
  if (names.empty()) rule.error("names", "is missing: a rule needs at least one system call");
  if (std::find(names.begin(), names.end(), "") != names.end()) rule.error("names", "must not contain an empty name");
  return names;
}

// One member of "syscalls": a rule, or the reason why it does not apply here.
void read_rule(const Json& value, std::string_view pointer, SeccompPolicy& into, FieldErrors& errors) {
  ObjectReader object(value, pointer, errors);
  SeccompRule rule;
  rule.names = read_names(object);
  rule.action = read_action(object, "action", "errnoRet");
  rule.args = read_args(object, errors);
  object.optional("comment", rule.why);
  auto reason = why_left_out(object, errors);
  object.refuse_unknown_keys();
  if (reason.empty()) {
    into.rules.push_back(std::move(rule));
  } else {
    const auto& first = rule.names.empty() ? std::string() : rule.names.front();
    into.left_out.push_back(std::string(pointer) + " (" + first + (rule.names.size() > 1 ? ", …" : "") +
                            "): " + reason);
  }
}

// "architectures" and "archMap" only have to contain ours: foreign ABIs are killed whatever a file says.
void read_architectures(ObjectReader& document, FieldErrors& errors) {
  constexpr std::string_view ours = "SCMP_ARCH_X86_64";
  std::vector<std::string> named;
  document.optional("architectures", named);
  if (!named.empty() && std::find(named.begin(), named.end(), ours) == named.end()) {
    document.error("architectures", "does not contain SCMP_ARCH_X86_64");
  }
  const Json* map = document.find("archMap");
  if (!is_there(map)) return;
  if (!map->is_array()) return document.error("archMap", "must be an array");
  bool found = map->empty();
  for (std::size_t i = 0; i < map->size(); ++i) {
    ObjectReader entry((*map)[i], pointer_to("/archMap", i), errors);
    found |= entry.require_string("architecture") == ours;
    if (is_there(entry.find("subArchitectures"))) static_cast<void>(entry.require_strings("subArchitectures"));
    entry.refuse_unknown_keys();
  }
  if (!found) document.error("archMap", "does not contain SCMP_ARCH_X86_64");
}

}  // namespace

tl::expected<SeccompPolicy, FieldErrors> parse_seccomp_policy(std::string_view json_text) {
  const auto json = parse_strict_json(json_text, Comments::accept, Integers::full_64_bit);
  if (!json) return tl::unexpected(json.error());
  FieldErrors errors;
  SeccompPolicy policy;
  ObjectReader document(*json, "", errors);
  policy.default_action = read_action(document, "defaultAction", "defaultErrnoRet");
  read_architectures(document, errors);
  std::vector<std::string> flags;
  document.optional("flags", flags);
  if (!flags.empty()) document.error("flags", "must be empty: Cordon sets the flags that it needs");
  std::string comment;
  document.optional("comment", comment);
  if (const Json* rules = document.find("syscalls"); is_there(rules) && rules->is_array()) {
    for (std::size_t i = 0; i < rules->size(); ++i) read_rule((*rules)[i], pointer_to("/syscalls", i), policy, errors);
  } else if (is_there(rules)) {
    document.error("syscalls", "must be an array");
  }
  document.refuse_unknown_keys();
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  return policy;
}

}  // namespace cordon
