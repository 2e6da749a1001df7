// How what a client asks for becomes a job, once, whatever it asks for: an idempotency key, a place, the journal.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "supervisor/http/api.hpp"
#include "supervisor/jobs/ordering.hpp"
#include "supervisor/tools/calling.hpp"

namespace cordon {

// What was asked for, as it can be ordered now, and the text from which it can be ordered again after a restart.
struct Wanted {
  Ordered ordered;
  std::optional<std::string> body = {};  // nullopt: the request's own
};

struct Asked {
  Sha256 digest{};              // of all that makes it another request
  std::function<bool()> waits;  // whether it says that its client stays for the answer
  std::function<awaitable<tl::expected<Wanted, Rejection>>()> order;
};

std::optional<Rejection> bad_key(const std::optional<std::string>& key);

// The answer of whoever submitted: the job, waited for or accepted.
awaitable<Answer> submit(Api* api, RequestPtr request, Asked asked);

// The same of a call of a tool, with the decision about it.
awaitable<Answer> submit_wish(Api* api, RequestPtr request, CallWish wish);

}  // namespace cordon
