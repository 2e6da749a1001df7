#include <catch2/catch.hpp>

#include "profiles/egress_grant_json.hpp"
#include "profiles/egress_narrow.hpp"
#include "profiles/egress_wire.hpp"
#include "profiles/host_name.hpp"
#include "profiles/shared_suffixes.hpp"

using namespace cordon;

namespace {

// "accepted", or the pointer of the first fault.
std::string fault(const std::string& egress) {
  const auto document = parse_strict_json(R"({"egress": )" + egress + "}");
  REQUIRE(document);
  FieldErrors errors;
  ObjectReader reader(*document, "", errors);
  const auto grants = read_egress(reader, errors);
  return errors.empty() ? "accepted" : errors[0].pointer;
}

std::string fault_with(const std::string& rest, const std::string& ports = "[443]", const char* mode = "passthrough") {
  return fault(R"([{"ports": )" + ports + R"(, "mode": ")" + mode + R"(", )" + rest + "}]");
}

EgressGrants grants(const std::string& egress) {
  const auto document = parse_strict_json(R"({"egress": )" + egress + "}");
  FieldErrors errors;
  ObjectReader reader(*document, "", errors);
  auto read = read_egress(reader, errors);
  INFO(egress << (errors.empty() ? "" : errors[0].pointer + " " + errors[0].detail));
  REQUIRE(errors.empty());
  return read;
}

const char* const some_profile = R"([
  {"name": "*.example.com", "ports": [443, 8443], "mode": "passthrough", "max_bytes_up": 1000, "max_connections": 4},
  {"name": "api.example.com", "ports": [443], "mode": "passthrough", "expires": "2030-01-01T00:00:00Z"},
  {"name": "plain.example.org", "ports": [80], "mode": "http"},
  {"cidr": "192.0.2.0/24", "ports": [5432], "mode": "raw"}])";

std::string narrowing_fault(const std::string& asked) {
  const auto result = narrow_egress(grants(some_profile), *parse_strict_json(asked), "/egress");
  return result ? "accepted" : result.error()[0].pointer;
}

EgressGrants narrowed(const std::string& asked, const EgressGrants& profile = grants(some_profile)) {
  auto result = narrow_egress(profile, *parse_strict_json(asked), "/egress");
  INFO(asked << (result ? "" : result.error()[0].pointer + " " + result.error()[0].detail));
  REQUIRE(result);
  CHECK(is_within(profile, *result));
  CHECK_FALSE(fault_of(*result));
  return *result;
}

std::string encoded(const EgressGrants& all) {
  wire::Writer w;
  wire::write_egress(w, all);
  return w.take();
}

bool decodes(std::string_view bytes) {
  wire::Reader r(bytes);
  wire::read_egress(r);
  return r.finished();
}

}  // namespace

TEST_CASE("no grants, null and an empty list are all no network") {
  for (const char* nothing : {"[]", "null"}) CHECK(grants(nothing).empty());
  CHECK(fault("{}") == "/egress");
  CHECK(fault(R"("*")") == "/egress");
  CHECK(fault("true") == "/egress");
}

TEST_CASE("there is no way to write that everything is granted") {
  for (const char* everything : {"*", "*.", "*.*", "*.com", "**", "*.*.com", ".", "any", "0.0.0.0/0", ""})
    CHECK(fault_with(R"("name": ")" + std::string(everything) + R"(")") == "/egress/0/name");
  for (const char* wide : {"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "8.0.0.0/8", "10.0.0.0/8", "1.0.0.0/15"})
    CHECK(fault_with(R"("cidr": ")" + std::string(wide) + R"(")", "[443]", "raw") == "/egress/0/cidr");
}

TEST_CASE("a grant names one thing, its ports and its mode") {
  CHECK(fault_with(R"("name": "api.example.com")") == "accepted");
  CHECK(fault_with(R"("name": "api.example.com", "cidr": "192.0.2.0/24")") == "/egress/0/name");
  CHECK(fault(R"([{"ports": [1], "mode": "raw"}])") == "/egress/0/name");
  CHECK(fault(R"([{"name": "a.example.com", "mode": "raw"}])") == "/egress/0/ports");
  CHECK(fault(R"([{"name": "a.example.com", "ports": [1]}])") == "/egress/0/mode");
  CHECK(fault_with(R"("name": "a.example.com", "port": 1)") == "/egress/0/port");
  CHECK(fault_with(R"("name": "a.example.com")", "[443]", "tls") == "/egress/0/mode");
  for (const char* ports : {"[]", "[0]", "[65536]", "[443, 443]", "[53]", "443", "[1.5]", "[-1]", "[\"443\"]"})
    CHECK(fault_with(R"("name": "a.example.com")", ports).starts_with("/egress/0/ports"));
  CHECK(fault_with(R"("cidr": "192.0.2.0/24")") == "/egress/0/mode");
}

TEST_CASE("a network is written as four decimal parts and a prefix, and in no other way") {
  for (const char* text : {"192.0.2.1/24", "192.0.2.0/33", "192.0.2/24", "0300.0.2.0/24", "0xc0.0.2.0/24", "3221225984",
                           "192.0.2.0/024", "192.0.2.0/", "192.0.2.0 /24", "::ffff:192.0.2.0/120", "2001:db8::/32"})
    CHECK(fault_with(R"("cidr": ")" + std::string(text) + R"(")", "[1]", "raw") == "/egress/0/cidr");
  for (const char* never : {"127.0.0.1/32", "127.0.0.0/16", "0.0.0.0/32", "198.18.0.0/16", "198.19.1.1", "224.0.0.0/16",
                            "255.255.255.255", "240.0.0.0/16", "169.254.169.254", "169.254.0.0/16"})
    CHECK(fault_with(R"("cidr": ")" + std::string(never) + R"(")", "[1]", "raw") == "/egress/0/cidr");
  CHECK(fault_with(R"("cidr": "192.0.2.7")", "[1]", "raw") == "accepted");
}

TEST_CASE("names of many owners need the explicit word for it") {
  for (const char* shared : {"*.co.uk", "*.github.io", "*.s3.amazonaws.com", "*.amazonaws.com", "*.xn--55qx5d.cn"}) {
    const auto name = R"("accept_fronting": true, "name": ")" + std::string(shared) + R"(")";
    CHECK(fault_with(name) == "/egress/0/name");
    CHECK(fault_with(name + R"(, "allow_shared_suffix": true)") == "accepted");
  }
  for (const char* own : {"*.example.com", "*.github.com", "*.pypi.org"})
    CHECK(fault_with(R"("name": ")" + std::string(own) + R"(")") == "accepted");
  for (const char* fronted : {"d1.cloudfront.net", "x.azureedge.net", "a.global.prod.fastly.net"}) {
    const auto name = R"("name": ")" + std::string(fronted) + R"(")";
    CHECK(fault_with(name) == "/egress/0/name");
    CHECK(fault_with(name + R"(, "accept_fronting": true)") == "accepted");
    CHECK(fault_with(name, "[443]", "raw") == "/egress/0/name");
    CHECK(fault_with(name + R"(, "accept_fronting": true)", "[443]", "raw") == "accepted");
    CHECK(fault_with(name, "[80]", "http") == "accepted");  // there the Host is read
  }
  CHECK(fault_with(R"("name": "a.example.com", "accept_fronting": false)") == "/egress/0/accept_fronting");
  CHECK(fault_with(R"("name": "a.example.com", "allow_shared_suffix": true)") == "/egress/0/allow_shared_suffix");
}

TEST_CASE("the list of public suffixes is the whole one") {
  for (const char* shared : {"co.uk", "com.au", "github.io", "foo.ck", "kawasaki.jp", "blogspot.com"})
    CHECK(is_shared_suffix(shared));
  for (const char* own : {"www.ck", "example.com", "uk.example.org"}) CHECK_FALSE(is_shared_suffix(own));
}

TEST_CASE("grants that contradict each other are refused") {
  const auto two = [](const std::string& a, const std::string& b) {
    return fault(R"([{"mode": "raw", )" + a + R"(}, {"mode": "raw", )" + b + "}]");
  };
  const std::string name = R"("name": "a.example.com", "ports": )", net = R"("ports": [1], "cidr": )";
  CHECK(two(name + "[1, 2]", name + "[2, 3]") == "/egress/1");
  CHECK(two(name + "[1]", R"("name": "A.Example.COM", "ports": [1])") == "/egress/1");
  CHECK(two(name + "[1, 2]", name + "[3]") == "accepted");
  CHECK(two(net + R"("192.0.2.0/24")", net + R"("192.0.2.128/25")") == "/egress/1");
  CHECK(two(net + R"("192.0.2.0/25")", net + R"("192.0.2.128/25")") == "accepted");
}

TEST_CASE("at most 16 ports in all, and 64 grants") {
  std::string many, ports;
  for (int i = 0; i < 17; ++i) {
    if (i > 0) many += ",", ports += ",";
    ports += std::to_string(1000 + i);
    many += R"({"mode": "raw", "name": "n)" + std::to_string(i) + R"(.example.com", "ports": [)" +
            std::to_string(1000 + i) + "]}";
  }
  CHECK(fault_with(R"("name": "a.example.com")", "[" + ports + "]") == "/egress/0/ports");
  CHECK(fault("[" + many + "]") == "/egress/16/ports");
  std::string grants_of_one_port = R"({"mode": "raw", "name": "n.example.com", "ports": [1]})";
  for (int i = 0; i < 64; ++i)
    grants_of_one_port += R"(, {"mode": "raw", "ports": [1], "name": "m)" + std::to_string(i) + R"(.example.com"})";
  CHECK(fault("[" + grants_of_one_port + "]") == "/egress");
}

TEST_CASE("budgets are finite, and an end is a time in UTC") {
  CHECK(grants(some_profile)[2].budget == EgressBudget{});
  for (const char* none : {"0", "-1", "1e3", "1125899906842625", "\"1\"", "null"}) {
    CHECK(fault_with(R"("name": "a.example.com", "max_bytes_up": )" + std::string(none)) == "/egress/0/max_bytes_up");
    CHECK(fault_with(R"("name": "a.example.com", "rate": {"bytes_per_second": )" + std::string(none) + "}") ==
          "/egress/0/rate/bytes_per_second");
  }
  for (const char* time : {"2027-02-29T00:00:00Z", "2027-01-01", "2027-01-01T00:00:00+00:00", "2027-1-1T0:0:0Z", "",
                           "2027-01-01T24:00:00Z", "1969-12-31T23:59:59Z", "2027-01-01T00:00:00Z "})
    CHECK(fault_with(R"("name": "a.example.com", "expires": ")" + std::string(time) + R"(")") == "/egress/0/expires");
  CHECK(to_utc(*parse_utc("2028-02-29T23:59:58Z")) == "2028-02-29T23:59:58Z");
}

TEST_CASE("grants say of themselves what was read") {
  const auto all = grants(some_profile);
  CHECK(grants(to_json(all).dump()) == all);
}

TEST_CASE("a job may only narrow what its profile grants") {
  CHECK(narrowed("null").empty());
  CHECK(narrowed("[]").empty());
  CHECK(narrowing_fault(R"([{"name": "evil.example.net"}])") == "/egress/0/name");
  CHECK(narrowing_fault(R"([{"name": "*.com"}])") == "/egress/0/name");
  CHECK(narrowing_fault(R"([{"name": "example.com"}])") == "/egress/0/name");
  CHECK(narrowing_fault(R"([{"name": "xexample.com"}])") == "/egress/0/name");
  CHECK(narrowing_fault(R"([{"name": "*.plain.example.org"}])") == "/egress/0/name");
  CHECK(narrowing_fault(R"([{"name": "a.example.com", "ports": [80]}])") == "/egress/0/ports");
  CHECK(narrowing_fault(R"([{"name": "a.example.com", "mode": "raw"}])") == "/egress/0/mode");
  CHECK(narrowing_fault(R"([{"cidr": "192.0.0.0/16"}])") == "/egress/0/cidr");
  CHECK(narrowing_fault(R"([{"cidr": "192.0.3.1"}])") == "/egress/0/cidr");
  CHECK(narrowing_fault(R"([{"name": "a.example.com", "max_bytes_up": 1001}])") == "/egress/0/max_bytes_up");
  CHECK(narrowing_fault(R"([{"name": "a.example.com", "accept_fronting": true}])") == "/egress/0/accept_fronting");
  CHECK(narrowing_fault(R"([{"name": "api.example.com", "ports": [443], "expires": "2031-01-01T00:00:00Z"}])") ==
        "/egress/0/expires");
  CHECK(narrowing_fault(R"("all")") == "/egress");
}

TEST_CASE("what is narrowed has the ports, the budget and the end of the most specific grant") {
  const auto one = narrowed(R"([{"name": "a.example.com"}])");
  REQUIRE(one.size() == 1);
  CHECK(one[0].name == "a.example.com");
  CHECK(one[0].ports == std::vector<std::uint16_t>{443, 8443});
  CHECK(one[0].budget.max_bytes_up == 1000);
  const auto api = narrowed(R"([{"name": "api.example.com"}])");  // 443 by its own grant, 8443 by the wildcard's
  REQUIRE(api.size() == 2);
  CHECK(to_utc(api[0].expires) == "2030-01-01T00:00:00Z");
  CHECK(api[1].ports == std::vector<std::uint16_t>{8443});
  CHECK(never_expires(api[1]));
  CHECK(narrowed(R"([{"name": "*.deep.example.com", "ports": [443]}])")[0].name == "*.deep.example.com");
  CHECK(to_text(narrowed(R"([{"cidr": "192.0.2.128/25"}])")[0]) == "192.0.2.128/25");
}

TEST_CASE("who asks for a wildcard gets what the profile says of names under it, and not more than that") {
  const auto profile = grants(R"([
    {"name": "*.corp.example", "ports": [443, 80], "mode": "raw", "max_bytes_up": 9000},
    {"name": "*.deep.corp.example", "ports": [443], "mode": "passthrough"},
    {"name": "upload.corp.example", "ports": [443], "mode": "passthrough", "max_bytes_up": 1024, "expires": "2030-01-01T00:00:00Z"},
    {"name": "other.example", "ports": [443], "mode": "raw"}])");
  const auto ask = [&](const std::string& asked) { return narrowed(asked, profile); };
  const auto decides = [&](const EgressGrants& all, const char* name, std::uint16_t port = 443) {
    const auto* grant = deciding_grant(all, name, port);
    return grant == nullptr ? "" : grant->name;
  };
  for (const char* asked : {R"([{"name": "*.corp.example"}])", R"([{"name": "*.corp.example", "ports": [443]}])",
                            R"([{"name": "*.corp.example"}, {"name": "upload.corp.example"}])",
                            R"([{"name": "upload.corp.example"}, {"name": "*.corp.example"}])"}) {
    const auto all = ask(asked);
    CHECK(decides(all, "upload.corp.example") == "upload.corp.example");
    CHECK(decides(all, "a.deep.corp.example") == "*.deep.corp.example");
    CHECK(decides(all, "a.corp.example") == "*.corp.example");
    CHECK(decides(all, "other.example").empty());
    const auto* upload = deciding_grant(all, "upload.corp.example", 443);
    CHECK(upload->mode == EgressMode::passthrough);
    CHECK(upload->budget.max_bytes_up == 1024);
    CHECK(to_utc(upload->expires) == "2030-01-01T00:00:00Z");
  }
  CHECK(ask(R"([{"name": "*.corp.example", "ports": [80]}])").size() == 1);
  CHECK(ask(R"([{"name": "*.deep.corp.example"}])").size() == 2);  // 80 comes from the wider one
  const auto less = ask(
      R"([{"name": "*.corp.example", "max_bytes_up": 2000, "max_connections": 3, "expires": "2029-01-01T00:00:00Z"}])");
  REQUIRE(less.size() == 3);
  for (const auto& grant : less) {
    CHECK(grant.budget.max_bytes_up == (grant.name == "upload.corp.example" ? 1024 : 2000));
    CHECK(grant.budget.max_connections == 3);
    CHECK(to_utc(grant.expires) == "2029-01-01T00:00:00Z");
  }
  // The longer of two wildcards that were asked for says how much of what stands under it, whichever comes first.
  for (const char* both :
       {R"([{"name": "*.corp.example"}, {"name": "*.deep.corp.example", "max_connections": 2, "ports": [443]}])",
        R"([{"name": "*.deep.corp.example", "max_connections": 2, "ports": [443]}, {"name": "*.corp.example"}])"}) {
    const auto profile_of_three = grants(R"([
      {"name": "*.corp.example", "ports": [443], "mode": "raw"},
      {"name": "*.deep.corp.example", "ports": [443], "mode": "raw"},
      {"name": "x.deep.corp.example", "ports": [443], "mode": "passthrough"}])");
    const auto all = narrow_egress(profile_of_three, *parse_strict_json(both), "/egress");
    REQUIRE(all);
    CHECK(is_within(profile_of_three, *all));
    CHECK(deciding_grant(*all, "x.deep.corp.example", 443)->budget.max_connections == 2);
  }
  // One grant under two items, whose ports come from several, is one, and whole.
  const auto many_ports = grants(R"([
    {"name": "*.example.com", "ports": [80, 8080], "mode": "http"},
    {"name": "*.example.com", "ports": [443], "mode": "passthrough"},
    {"name": "api.example.com", "ports": [80, 443, 8080], "mode": "raw", "max_connections": 1}])");
  for (const char* asked :
       {R"([{"name": "*.example.com"}])",
        R"([{"name": "*.example.com", "ports": [443]}, {"name": "*.example.com", "ports": [80, 8080]}])"}) {
    const auto all = narrow_egress(many_ports, *parse_strict_json(asked), "/egress");
    INFO(asked << (all ? "" : all.error()[0].pointer + " " + all.error()[0].detail));
    REQUIRE(all);
    CHECK(is_within(many_ports, *all));
    const auto* api = deciding_grant(*all, "api.example.com", 443);
    REQUIRE(api != nullptr);
    CHECK(api->mode == EgressMode::raw);
    CHECK(api->ports == std::vector<std::uint16_t>{80, 443, 8080});
    CHECK(api->budget.max_connections == 1);
  }
  // Whoever narrowed otherwise is not believed.
  for (std::size_t without = 1; without < 3; ++without) {
    auto all = ask(R"([{"name": "*.corp.example"}])");
    REQUIRE(all.size() == 3);
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(without));
    CHECK_FALSE(is_within(profile, all));
  }
  CHECK_FALSE(is_within(profile, {profile[0]}));
  CHECK(is_within(profile, profile));
}

TEST_CASE("many names under one wildcard are not many budgets") {
  const auto two = narrowed(R"([{"name": "a.example.com"}, {"name": "b.example.com"}])");
  CHECK(two[0].budget.max_bytes_up + two[1].budget.max_bytes_up == 1000);
  CHECK(narrowing_fault(R"([{"name": "a.example.com", "max_bytes_up": 600},
                            {"name": "b.example.com", "max_bytes_up": 600}])") == "/egress");
  CHECK(narrowing_fault(R"([{"name": "a.example.com"}, {"name": "b.example.com"}, {"name": "c.example.com"},
                            {"name": "d.example.com"}, {"name": "e.example.com"}])") != "accepted");
}

TEST_CASE("who must not believe the one who narrowed finds out what is more than the profile's") {
  const auto profile = grants(some_profile);
  const auto with = [&](auto change) {
    auto all = narrowed(R"([{"name": "api.example.com", "ports": [443]}])");
    change(all[0]);
    return is_within(profile, all);
  };
  CHECK(with([](auto&) {}));
  CHECK_FALSE(with([](auto& g) { g.name = "evil.example.net"; }));
  CHECK_FALSE(with([](auto& g) { g.ports = {443, 8443}; }));  // of two grants
  CHECK_FALSE(with([](auto& g) { g.ports = {22}; }));
  CHECK_FALSE(with([](auto& g) { g.mode = EgressMode::raw; }));
  CHECK_FALSE(with([](auto& g) { g.budget.max_bytes_down += 1; }));
  CHECK_FALSE(with([](auto& g) { g.expires = {}; }));
  CHECK_FALSE(with([](auto& g) { g.accept_fronting = true; }));
  CHECK_FALSE(with([](auto& g) { g.allow_shared_suffix = true; }));
  CHECK_FALSE(is_within({}, profile));
  CHECK(is_within(profile, {}));
}

TEST_CASE("grants end with what they rest on, and earlier ones as they would have") {
  using namespace std::chrono;
  const auto profile = grants(some_profile);
  const auto end = sys_seconds(sys_days(2029y / 1 / 1)), late = sys_seconds(sys_days(2031y / 1 / 1));
  for (const auto& grant : ending_by(profile, end)) CHECK(grant.expires == end);
  CHECK(is_within(profile, ending_by(profile, end)));
  CHECK(ending_by(profile, late)[0].expires == late);
  CHECK(ending_by(profile, late)[1].expires == profile[1].expires);
}

TEST_CASE("grants survive the wire, and are refused in any other length") {
  const auto all = grants(some_profile);
  const auto bytes = encoded(all);
  wire::Reader r(bytes);
  CHECK(wire::read_egress(r) == all);
  CHECK(r.finished());
  for (std::size_t i = 0; i < bytes.size(); ++i) CHECK_FALSE(decodes(std::string_view(bytes).substr(0, i)));
  CHECK(decodes(encoded({})));
}

TEST_CASE("grants that no profile could have are refused on the wire") {
  const auto decodes_with = [&](auto change) {
    auto all = grants(some_profile);
    change(all);
    return decodes(encoded(all));
  };
  CHECK(decodes_with([](auto&) {}));
  CHECK_FALSE(decodes_with([](auto& all) { all[0].name = "*.com"; }));
  CHECK_FALSE(decodes_with([](auto& all) { all[1].name = "API.example.com"; }));
  CHECK_FALSE(decodes_with([](auto& all) { all[1].name = std::string("a\0.example.com", 14); }));
  CHECK_FALSE(decodes_with([](auto& all) { all[1].ports.clear(); }));
  CHECK_FALSE(decodes_with([](auto& all) { all[0].ports = {8443, 443}; }));
  CHECK_FALSE(decodes_with([](auto& all) { all[3].network = {0, 0}; }));
  CHECK_FALSE(decodes_with([](auto& all) { all[0].budget.max_connections = 0; }));
  CHECK_FALSE(decodes_with([](auto& all) { all[0].mode = static_cast<EgressMode>(3); }));
  CHECK_FALSE(decodes_with([](auto& all) { all.push_back(all[0]); }));
}

TEST_CASE("a name has one canonical form") {
  CHECK(canonical_host_name("API.Example.COM") == "api.example.com");
  for (const std::string text : {"",        ".",     "a.",      ".a",         "a..b",     "-a.b",        "a-.b",
                                 "a_b.c",   "a b.c", "a.b:443", "[::1]",      "user@a.b", "a%2e.b",      "a\\b.c",
                                 "1.2.3.4", "a.1",   "a.0x1",   "0x7f000001", "127.1",    "\xc3\xa4.de", "*.a.b"})
    CHECK_FALSE(canonical_host_name(text));
  CHECK_FALSE(canonical_host_name(std::string_view("a\0.b", 4)));
  CHECK_FALSE(canonical_host_name(std::string(64, 'a') + ".com"));
  CHECK(canonical_host_name(std::string(63, 'a') + ".com"));
  for (const char* pattern : {"com", "localhost", "a.localhost", "*.com", "*", "*.*.a.b", "a.*.b", "*a.b.c"})
    CHECK_FALSE(canonical_name_pattern(pattern));
}

TEST_CASE("a wildcard stands for whole labels, one or more") {
  CHECK(covers_name("*.example.com", "a.example.com"));
  CHECK(covers_name("*.example.com", "a.b.example.com"));
  CHECK(covers_name("*.example.com", "*.b.example.com"));
  CHECK(covers_name("*.example.com", "*.example.com"));
  for (const char* other : {"example.com", "aexample.com", ".example.com", "*.xexample.com", "a.example.com.evil.net"})
    CHECK_FALSE(covers_name("*.example.com", other));
  CHECK_FALSE(covers_name("a.example.com", "b.a.example.com"));
}
