#include "sandbox/launcher/seccomp_denials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace cordon {

namespace {

struct Family {
  std::uint64_t number;
  const char* name;
};
// Of socket(2), those that someone who looks for a way out asks for.
constexpr Family families[] = {{0, "AF_UNSPEC"},   {1, "AF_UNIX"},       {2, "AF_INET"}, {10, "AF_INET6"},
                               {16, "AF_NETLINK"}, {17, "AF_PACKET"},    {21, "AF_RDS"}, {29, "AF_CAN"},
                               {30, "AF_TIPC"},    {31, "AF_BLUETOOTH"}, {38, "AF_ALG"}, {40, "AF_VSOCK"},
                               {41, "AF_KCM"},     {43, "AF_SMC"},       {44, "AF_XDP"}};

std::string argument(const std::string& call, std::size_t index, std::uint64_t value) {
  const bool is_family = index == 0 && (call == "socket" || call == "socketpair");
  const auto* family = std::find_if(std::begin(families), std::end(families),
                                    [&](const Family& f) { return is_family && f.number == value; });
  if (family != std::end(families)) return family->name;
  return value < 10 ? std::to_string(value) : fmt::format("{:#x}", value);
}

// The arguments before the last one that matters; "…" stands for those that do not.
std::string describe_call(const DenialRow& row, const std::string& call) {
  auto end = row.args.size();
  const auto matters = [&](std::size_t i) {
    return row.examined != 0 ? (row.examined & 1U << i) != 0 : row.args[i] != 0;
  };
  while (end > 0 && !matters(end - 1)) --end;
  std::string text = call + "(";
  for (std::size_t i = 0; i < end; ++i) {
    if (i > 0) text += ", ";
    const bool shown = row.examined == 0 || matters(i);
    text += shown ? argument(call, i, row.args[i]) : "…";
  }
  if (row.examined != 0 && end < row.args.size()) text += ", …";
  return text + ")";
}

std::string name_of(std::int32_t number, const std::vector<std::string>& names) {
  const auto index = static_cast<std::size_t>(number);
  const bool known = number >= 0 && index < names.size() && !names[index].empty();
  return known ? names[index] : fmt::format("syscall {}", number);
}

}  // namespace

std::vector<Denial> describe(const DenialTable& table, const std::vector<std::string>& call_names) {
  std::vector<Denial> denials;
  std::uint64_t told = 0;
  const auto used = std::min<std::uint64_t>(table.used, table.rows.size());
  for (std::size_t i = 0; i < used; ++i) {
    const auto& row = table.rows[i];
    denials.push_back({"seccomp", row.count, describe_call(row, name_of(row.number, call_names))});
    told += row.count;
  }
  if (table.total > told) denials.push_back({"seccomp", table.total - told, "other calls"});
  return denials;
}

SeccompDenials::SeccompDenials()
    : memory_(shared_memfd("cordon-denials", sizeof(DenialTable))), table_(memory_.get()) {}

void SeccompDenials::forget_self_probe(std::uint64_t attempts) {
  if (table_->total != attempts)
    throw KernelError("self-probe",
                      fmt::format("{} refused calls, of which pid 1 recorded {}", attempts, table_->total),
                      ENOTRECOVERABLE, "seccomp user notification does not work on this kernel; see cordon doctor");
  *table_ = DenialTable{};
}

std::vector<Denial> SeccompDenials::list(const std::vector<std::string>& call_names) const {
  return describe(*table_, call_names);
}

}  // namespace cordon
