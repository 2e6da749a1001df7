// How hosts and addresses may be written that are not what is granted: tables that the parsers and the whole of
// cordon-egress are held against.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace cordon::egress_test {

// Of a granted host, in any case of letters; and what is none of its spellings.
inline constexpr const char* granted_host = "api.example.com";
extern const std::vector<std::string> own_spellings;
std::set<std::string> foreign_spellings();
// The Host field's spaces around a value are not its (RFC 9112 5).
bool is_padded(const std::string& spelling);
// Of the granted host: "http://api.example.com/.evil.test/" asks it for a path.
bool begins_a_path(const std::string& spelling);

extern const std::vector<std::string> denied_v4, allowed_v4, denied_v6, allowed_v6;
// All of the denied ones, and IPv4 as IPv6 carries it.
std::vector<std::string> denied_forms();

}  // namespace cordon::egress_test
