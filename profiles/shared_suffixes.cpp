#include "profiles/shared_suffixes.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "profiles/public_suffixes.hpp"

namespace cordon {
namespace {

// Documented by the networks themselves as the names of their shared edges.
constexpr std::array<std::string_view, 32> shared_networks{"akamai.net",
                                                           "akamaiedge.net",
                                                           "akamaihd.net",
                                                           "akamaized.net",
                                                           "appspot.com",
                                                           "azureedge.net",
                                                           "azurefd.net",
                                                           "b-cdn.net",
                                                           "cdn77.org",
                                                           "cloudflare.net",
                                                           "cloudfront.net",
                                                           "edgekey.net",
                                                           "edgesuite.net",
                                                           "fastly.net",
                                                           "fastlylb.net",
                                                           "firebaseapp.com",
                                                           "fly.dev",
                                                           "github.io",
                                                           "googleusercontent.com",
                                                           "herokuapp.com",
                                                           "hwcdn.net",
                                                           "kxcdn.com",
                                                           "llnwd.net",
                                                           "netlify.app",
                                                           "pages.dev",
                                                           "r2.dev",
                                                           "stackpathcdn.com",
                                                           "storage.googleapis.com",
                                                           "trafficmanager.net",
                                                           "vercel.app",
                                                           "web.app",
                                                           "workers.dev"};

bool is_at_or_below(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  return name.size() == suffix.size() || name[name.size() - suffix.size() - 1] == '.';
}

bool lists(const std::string& line) {
  return public_suffixes.find(line) != public_suffixes.npos;
}

// "*.ck": every name with one label before ck is a suffix, but for "!www.ck".
bool is_listed_by_star(std::string_view name) {
  const auto dot = name.find('.');
  if (dot == name.npos) return false;
  return lists("\n*" + std::string(name.substr(dot)) + "\n") && !lists("\n!" + std::string(name) + "\n");
}

}  // namespace

bool is_shared_suffix(std::string_view name) {
  if (name.starts_with("xn--") || name.find(".xn--") != name.npos) return true;
  const auto ending = std::string(name) + "\n";
  return lists("\n" + ending) || lists("." + ending) || is_listed_by_star(name);
}

bool is_on_shared_network(std::string_view name) {
  return std::any_of(shared_networks.begin(), shared_networks.end(),
                     [&](std::string_view suffix) { return is_at_or_below(name, suffix); });
}

}  // namespace cordon
