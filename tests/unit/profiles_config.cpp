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

TEST_CASE("what operators configure is read") {
  const auto config = parse_config(R"({"max_connections": 100, "denial_burst": {"count": 5, "window_seconds": 10},
    "trip_rules": [{"control": "seccomp", "count": 50, "window_seconds": 60, "scope": "tool", "reason": "why"},
                   {"control": "pids", "count": 7, "reason": "bombs"}],
    "metrics": {"listen": "127.0.0.1:9464"}})");
  REQUIRE(config);
  CHECK(config->max_connections == 100);
  const auto& operations = config->operations;
  CHECK(operations.denial_burst == DenialThreshold{5, 10});
  REQUIRE(operations.trip_rules.size() == 2);
  CHECK(operations.trip_rules[0] == TripRule{"seccomp", {50, 60}, TripScope::tool, "why"});
  CHECK(operations.trip_rules[1] == TripRule{"pids", {7, 60}, TripScope::actor, "bombs"});
  CHECK(operations.metrics_listen == LoopbackAddress{"127.0.0.1", 9464});
}

TEST_CASE("warm sandboxes are configured by profile, and are off for those that are not named") {
  CHECK_FALSE(parse_config("{}")->warm);
  CHECK(default_warm_rules() == WarmRules{{"default", {2, 8, "host", {{"python", {1, 4}}}}}});
  CHECK(parse_config(R"({"warm": {}})")->warm == WarmRules{});
  const auto config = parse_config(R"({"images": {"debian": {"rootfs": "/srv/debian"}},
    "warm": {"strict": {"min": 1, "max": 3, "image": "debian"}, "default": {}}})");
  REQUIRE(config);
  CHECK(config->warm == WarmRules{{"strict", {1, 3, "debian"}}, {"default", {2, 8, "host"}}});
  CHECK(fault_at(R"({"warm": []})") == "/warm");
  CHECK(fault_at(R"({"warm": {"a": {"min": 9}}})") == "/warm/a/min");
  CHECK(fault_at(R"({"warm": {"a": {"max": 1025}}})") == "/warm/a/max");
  CHECK(fault_at(R"({"warm": {"a": {"image": "none"}}})") == "/warm/a/image");
  CHECK(fault_at(R"({"warm": {"a": {"most": 1}}})") == "/warm/a/most");
}

TEST_CASE("how many interpreters wait is configured beside the sandboxes without") {
  const auto config =
      parse_config(R"({"warm": {"default": {"prestart": {"python": {}, "node": {"min": 0, "max": 2}}}}})");
  REQUIRE(config);
  CHECK(config->warm == WarmRules{{"default", {2, 8, "host", {{"python", {1, 4}}, {"node", {0, 2}}}}}});
  CHECK(fault_at(R"({"warm": {"a": {"prestart": []}}})") == "/warm/a/prestart");
  CHECK(fault_at(R"({"warm": {"a": {"prestart": {"python": {"min": 5}}}}})") == "/warm/a/prestart/python/min");
  CHECK(fault_at(R"({"warm": {"a": {"prestart": {"python": {"image": "host"}}}}})") == "/warm/a/prestart/python/image");
}

TEST_CASE("mistakes in what operators configure are named") {
  CHECK(fault_at(R"({"denial_burst": {"count": 0}})") == "/denial_burst/count");
  CHECK(fault_at(R"({"denial_burst": {"many": 1}})") == "/denial_burst/many");
  CHECK(fault_at(R"({"trip_rules": {}})") == "/trip_rules");
  CHECK(fault_at(R"({"trip_rules": [{"control": "x", "count": 1}]})") == "/trip_rules/0/reason");
  CHECK(fault_at(R"({"trip_rules": [{"control": "x", "count": 1, "reason": "y", "scope": "tenant"}]})") ==
        "/trip_rules/0/scope");
  CHECK(fault_at(R"({"metrics": {}})") == "/metrics/listen");
  CHECK(fault_at(R"({"max_connections": 1})") == "/max_connections");
}

TEST_CASE("metrics are served on loopback addresses only") {
  CHECK(parse_loopback("[::1]:9464") == LoopbackAddress{"::1", 9464});
  CHECK(parse_loopback("127.8.9.10:1") == LoopbackAddress{"127.8.9.10", 1});
  for (const char* text : {"0.0.0.0:9464", "192.168.1.1:9464", "[::]:9464", "::1:9464", "localhost:9464", ":9464",
                           "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.1:9464", "127.0.0.1.5:9464",
                           "127.0.0.256:9464", "127.0.0.01:9464", "127.0.0.1:94x", "127.0.0.1:", "127.0.0.1.:9", ""}) {
    INFO(text);
    CHECK_FALSE(parse_loopback(text));
  }
}

TEST_CASE("evidence is on unless the configuration says off, and labels may be kept out of it") {
  CHECK(parse_config("{}")->evidence.on);
  CHECK(parse_config(R"({"evidence": "on"})")->evidence.on);
  CHECK_FALSE(parse_config(R"({"evidence": "off"})")->evidence.on);
  const auto redacting = parse_config(R"({"evidence": {"redact": ["secret"]}})");
  REQUIRE(redacting);
  CHECK(redacting->evidence.on);
  CHECK(redacting->evidence.redact == std::vector<std::string>{"secret"});
  for (const char* bad : {R"({"evidence": "no"})", R"({"evidence": false})", R"({"evidence": {"x": 1}})"})
    CHECK_FALSE(parse_config(bad));
}
