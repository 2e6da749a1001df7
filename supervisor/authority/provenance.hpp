// Where data comes from, as far as that matters to what may be done with it. What a job writes has the labels of all
// that went into it: labels are joined and never taken away, so that data never gains authority. Pure.
#pragma once

#include <set>
#include <string>

#include "profiles/json_reader.hpp"

namespace cordon {

struct Provenance {
  bool untrusted = false;              // some of it comes from outside of whom the operator trusts
  std::set<std::string> sources;       // the tools that it went through
  std::set<std::string> data_classes;  // as tools, and whoever submitted it, declare
  std::set<std::string> tenants;       // whose data it is

  void join(const Provenance& other) {
    untrusted = untrusted || other.untrusted;
    sources.insert(other.sources.begin(), other.sources.end());
    data_classes.insert(other.data_classes.begin(), other.data_classes.end());
    tenants.insert(other.tenants.begin(), other.tenants.end());
  }
  bool operator==(const Provenance&) const = default;
};

// {"trust": "untrusted" or "inherent", "sources", "data_classes", "tenants"}
Json to_json(const Provenance& provenance);
// What to_json() wrote; members of another form are left out.
Provenance provenance_of(const Json& value);

// "provenance" of a request, by which a client can only add: {"trust": "untrusted", "data_classes": […]}.
Provenance read_declared(const Json& value, const std::string& pointer, FieldErrors& errors);

}  // namespace cordon
