#include "tests/egress/forms.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace cordon::egress_test {

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string hex(const std::string& v4) {
  in_addr address{};
  ::inet_pton(AF_INET, v4.c_str(), &address);
  const auto value = ntohl(address.s_addr);
  char out[16];
  std::snprintf(out, sizeof out, "%x:%x", value >> 16, value & 0xffff);
  return out;
}

// IPv6 that carries this IPv4 address: mapped, compatible, translated, NAT64, 6to4, Teredo's server, ISATAP of both
// kinds.
std::vector<std::string> carriers(const std::string& v4) {
  const auto h = hex(v4);
  return {"::ffff:" + v4,
          "::ffff:" + h,
          "::" + v4,
          "::ffff:0:" + h,
          "64:ff9b::" + v4,
          "2002:" + h + "::1",
          "2001:0:" + h + "::1",
          "2a00:1::5efe:" + h,
          "2a00:1::200:5efe:" + h,
          "2606:4700:1:2:0:5efe:" + h};
}

}  // namespace

const std::vector<std::string> own_spellings{"api.example.com", "API.EXAMPLE.COM", "Api.Example.Com",
                                             "api.EXAMPLE.com"};

std::set<std::string> foreign_spellings() {
  const std::string name = granted_host;
  std::set<std::string> out{"",
                            ".",
                            "..",
                            "com",
                            "example.com",
                            "pi.example.com",
                            "xapi.example.com",
                            "api.example.co",
                            "api.example.com.",
                            ".api.example.com",
                            "api..example.com",
                            "api.example.com..",
                            "api.example.com.evil.test",
                            "evil.test.api.example.com",
                            "api-example.com",
                            "api.example.com-evil.test",
                            "apiXexample.com",
                            "[api.example.com]",
                            "[::1]",
                            "[api.example.com",
                            "api.example.com]",
                            "user@api.example.com",
                            "api.example.com@evil.test",
                            "evil.test#api.example.com",
                            "evil.test?api.example.com",
                            "evil.test/api.example.com",
                            "evil.test\\api.example.com",
                            "api.example.com%00.evil.test",
                            "api.example.com%2eevil.test",
                            "api%2eexample%2ecom",
                            "%61pi.example.com",
                            "fe80::1%api.example.com",
                            "::ffff:93.184.216.34",
                            "1.2.3.4",
                            "127.0.0.1",
                            "127.1",
                            "127.0.1",
                            "0x7f.1",
                            "0x7f000001",
                            "2130706433",
                            "017700000001",
                            "0177.0.0.1",
                            "0",
                            "0.0.0.0",
                            "1.2.3.4.",
                            "1.2.3",
                            "01.02.03.04",
                            "1.2.3.0x4",
                            "256.1.1.1",
                            "localhost",
                            "localhost.",
                            "api.example.com:443:1",
                            "*.example.com",
                            "*",
                            "api.*.com",
                            "_api.example.com",
                            "-api.example.com",
                            "api-.example.com",
                            "xn--",
                            "\xd0\xb0pi.example.com",
                            "api\xe3\x80\x82"
                            "example.com",
                            "api.example.c\xc3\xb6m",
                            "api.example.com\n",
                            "api.example.com\r\nHost: evil.test",
                            " api.example.com",
                            "api.example.com ",
                            "api .example.com",
                            "api.example.com\t",
                            "api.example.com,evil.test",
                            "api.example.com;evil.test",
                            "api.example.com&evil.test",
                            "\"api.example.com\"",
                            "<api.example.com>"};
  out.insert(std::string(64, 'a') + ".example.com");
  out.insert(std::string(300, 'a'));
  for (int i = 0; i < 130; ++i) out.insert(std::string(1, 'a') + "." + std::to_string(i));
  for (int byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<char>(byte);
    out.insert(name.substr(0, 3) + c + name.substr(3));
    out.insert(name + c + ".evil.test");
    out.insert(std::string(1, c) + name);
  }
  std::erase_if(out, [&](const auto& spelling) { return lower(spelling) == name; });
  return out;
}

bool is_padded(const std::string& spelling) {
  return spelling.find_first_of(" \t") != std::string::npos;
}

bool begins_a_path(const std::string& spelling) {
  const auto small = lower(spelling);
  const std::string name = granted_host;
  return small.starts_with(name + "/") || small.starts_with(name + "?");
}

const std::vector<std::string> denied_v4{
    "0.0.0.0",         "0.0.0.1",         "0.255.255.255",   "10.0.0.0",        "10.0.0.1",        "10.255.255.255",
    "100.64.0.0",      "100.64.0.1",      "100.100.100.200", "100.127.255.255", "127.0.0.0",       "127.0.0.1",
    "127.1.2.3",       "127.255.255.255", "168.63.129.16",   "169.254.0.0",     "169.254.169.254", "169.254.170.2",
    "169.254.255.255", "172.16.0.0",      "172.16.0.1",      "172.31.255.255",  "192.0.0.0",       "192.0.0.192",
    "192.0.0.255",     "192.0.2.1",       "192.88.99.1",     "192.168.0.0",     "192.168.1.1",     "192.168.255.255",
    "198.18.0.0",      "198.18.0.1",      "198.19.255.255",  "198.51.100.7",    "203.0.113.9",     "224.0.0.0",
    "224.0.0.1",       "239.255.255.255", "240.0.0.0",       "255.255.255.254", "255.255.255.255"};

const std::vector<std::string> allowed_v4{"1.1.1.1",       "8.8.8.8",         "9.255.255.255", "11.0.0.0",
                                          "93.184.216.34", "100.63.255.255",  "100.128.0.0",   "126.255.255.255",
                                          "128.0.0.0",     "169.253.255.255", "169.255.0.0",   "172.15.255.255",
                                          "172.32.0.0",    "191.255.255.255", "192.0.1.0",     "192.167.255.255",
                                          "192.169.0.0",   "198.17.255.255",  "198.20.0.0",    "223.255.255.255"};

const std::vector<std::string> denied_v6{"::",
                                         "::1",
                                         "::2",
                                         "::ffff",
                                         "::1:0",
                                         "::7f00:1",
                                         "::ffff:0:0:1",
                                         "::ffff:0:7f00:1",
                                         "64:ff9a::1",
                                         "64:ff9b:1::1",
                                         "64:ff9b:1:ffff::7f00:1",
                                         "100::1",
                                         "1fff::1",
                                         "2001::1",
                                         "2001:0:4136:e378:8000:63bf:3fff:fdd2",
                                         "2001:10::1",
                                         "2001:20::1",
                                         "2001:db8::1",
                                         "2002::1",
                                         "2002:7f00:1::1",
                                         "2002:a9fe:a9fe::1",
                                         "2620:4f:8000::1",
                                         "3ffe::1",
                                         "3fff::1",
                                         "4000::1",
                                         "5f00::1",
                                         "8000::1",
                                         "fc00::1",
                                         "fd00::1",
                                         "fd00:ec2::254",
                                         "fd20:ce::254",
                                         "fdff:ffff::1",
                                         "fe00::1",
                                         "fe80::1",
                                         "fe80::a9fe:a9fe",
                                         "febf::1",
                                         "fec0::1",
                                         "feff::1",
                                         "ff00::1",
                                         "ff02::1",
                                         "ff0e::1",
                                         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};

const std::vector<std::string> allowed_v6{"2000::1", "2001:200::1",     "2001:4860:4860::8888",
                                          "2600::1", "2606:4700::1111", "2a00:1::2",
                                          "2c0f::1", "3ffd::1",         "64:ff9b::808:808"};

std::vector<std::string> denied_forms() {
  auto forms = denied_v6;
  for (const auto& v4 : denied_v4) {
    forms.push_back(v4);
    for (auto& carrier : carriers(v4)) forms.push_back(std::move(carrier));
  }
  return forms;
}

}  // namespace cordon::egress_test
