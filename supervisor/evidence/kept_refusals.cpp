#include "supervisor/evidence/kept_refusals.hpp"

#include <algorithm>

namespace cordon {
namespace {

constexpr auto soonest = std::chrono::seconds(1);  // between two looks

}  // namespace

void KeptRefusals::add(Refusal refusal) {
  if (!evidence_.is_on()) return;
  if (tally_.add(std::move(refusal), Clock::now())) write_due();
  look_later();
}

void KeptRefusals::write_due() {
  if (evidence_.unavailable()) return;
  for (auto& record : tally_.take_due(Clock::now())) evidence_.note(std::move(record));
}

void KeptRefusals::look_later() {
  const auto next = looks_again_ ? std::nullopt : tally_.next();
  if (!next) return;
  looks_again_ = true;
  look_again_.expires_at(std::max(*next, Clock::now() + soonest));
  look_again_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    looks_again_ = false;
    write_due();
    look_later();
  });
}

void KeptRefusals::write_all() {
  for (auto& record : tally_.take_all()) evidence_.note(std::move(record));
}

}  // namespace cordon
