#include "supervisor/http/problem.hpp"

namespace cordon {

Rejection invalid_input(FieldErrors errors) {
  Rejection r{400, "invalid_input", "The input is not valid", "", "Mend what the pointers name; nothing was started."};
  const auto first = errors.empty() ? FieldError{"", "the input is not valid"} : errors.front();
  r.detail = first.pointer.empty() ? first.detail : first.pointer + " " + first.detail;
  if (errors.size() > 1) r.detail += " (and " + std::to_string(errors.size() - 1) + " more)";
  r.errors = std::move(errors);
  return r;
}

Rejection bad_field(std::string code, std::string pointer, std::string detail, std::string remedy) {
  Rejection r{400, std::move(code), "The input is not valid", detail, std::move(remedy)};
  r.errors.push_back({std::move(pointer), std::move(detail)});
  return r;
}

Rejection not_found(const std::string& what) {
  return {404, "not_found", "Not found", "there is no " + what,
          "Check the path; another agent's jobs are not found either."};
}

Rejection overloaded(std::string code, std::string detail, unsigned retry_after) {
  Rejection r{503, std::move(code), "Too busy", std::move(detail),
              "Try again after the seconds that Retry-After names."};
  r.retry_after = retry_after;
  return r;
}

std::string problem_json(const Rejection& rejection) {
  Json errors = Json::array();
  for (const auto& e : rejection.errors) errors.push_back({{"pointer", e.pointer}, {"detail", e.detail}});
  Json body = {{"type", "urn:cordon:problem:" + rejection.code},
               {"title", rejection.title},
               {"status", rejection.status},
               {"detail", rejection.detail},
               {"code", rejection.code},
               {"remedy", rejection.remedy},
               {"errors", std::move(errors)}};
  if (const auto& limit = rejection.limit) {
    body["limit"] = {{"scope", limit->scope}, {"name", limit->name}, {"limit", limit->limit}, {"value", limit->value}};
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace cordon
