#include "profiles/config.hpp"

#include <catch2/catch.hpp>

using namespace cordon;

namespace {

std::string fault_at(std::string_view text) {
  const auto config = parse_config(text);
  return config ? "accepted" : config.error().at(0).pointer;
}

}  // namespace

TEST_CASE("an empty configuration is the defaults") {
  const auto config = parse_config("{ // nothing yet\n}");
  REQUIRE(config);
  CHECK(config->max_running == Config{}.max_running);
  CHECK(config->images == std::map<std::string, ImageConfig>{{"host", {}}});
}

TEST_CASE("every key of a configuration is read") {
  const auto config = parse_config(R"({
    "profile_dirs": ["/a"], "images": {"debian": {"rootfs": "/srv/debian"}},
    "users": {"daemon": "d", "agents": "a", "operators": "o"}, "uids": {"first": 100000, "count": 64},
    "max_running": 7, "max_queued": 8, "retain": {"jobs": 9, "bytes": 10}, "max_connections_per_uid": 11})");
  REQUIRE(config);
  CHECK(config->profile_dirs == std::vector<std::string>{"/a"});
  CHECK(config->images == std::map<std::string, ImageConfig>{{"host", {}}, {"debian", {"/srv/debian"}}});
  CHECK(config->daemon_user + config->agent_group + config->operator_group == "dao");
  CHECK(config->first_uid == 100000);
  CHECK(config->uid_count == 64);
  CHECK(config->max_running == 7);
  CHECK(config->max_queued == 8);
  CHECK(config->retain_jobs == 9);
  CHECK(config->retain_bytes == 10);
  CHECK(config->max_connections_per_uid == 11);
}

TEST_CASE("a fault in a configuration is named by its pointer") {
  CHECK(fault_at(R"({"max_runing": 1})") == "/max_runing");
  CHECK(fault_at(R"({"max_running": 0})") == "/max_running");
  CHECK(fault_at(R"({"images": {"x": {}}})") == "/images/x/rootfs");
  CHECK(fault_at(R"({"images": {"x": {"rootfs": "srv"}}})") == "/images/x/rootfs");
  CHECK(fault_at(R"({"images": {"../x": {"rootfs": "/srv"}}})") == "/images/..~1x");
  CHECK(fault_at(R"({"profile_dirs": ["a"]})") == "/profile_dirs");
  CHECK(fault_at(R"({"users": []})") == "/users");
}

TEST_CASE("jobs never get ids of the system's own users, nor ids past the last") {
  CHECK(fault_at(R"({"uids": {"first": 65534}})") == "/uids/first");
  CHECK(fault_at(R"({"uids": {"first": 4294967290, "count": 64}})") == "/uids/count");
}
