// Which names belong to many: suffixes under which anybody may have a name (the Public Suffix List, publicsuffix.org,
// as Debian's package `publicsuffix` had it when this was built), and content networks whose edges answer for the
// names of all their customers (a list of our own). Pure.
#pragma once

#include <string_view>

namespace cordon {

// Does "*." before this canonical name reach names of different owners? So it is when the name is a public suffix, or
// one lies below it, or when it has an xn-- label: the list is read in ASCII, and doubt asks for the explicit word.
bool is_shared_suffix(std::string_view name);

// Is this canonical name at or below one of a content network, where the TLS server name does not bind what is asked
// for behind it ("fronting")?
bool is_on_shared_network(std::string_view name);

}  // namespace cordon
