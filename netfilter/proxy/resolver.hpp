// Upstream names, by c-ares: asked once for each flow, at configured servers only. It reads no file, has no cache, no
// search list, no aliases.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "netfilter/proxy/later.hpp"
#include "profiles/flow_record.hpp"
#include "profiles/ip_address.hpp"

namespace cordon::egress {

// Everything that any answer says, unchecked (policy/answers.hpp); none: name_not_found or resolver_failed.
using Answers = tl::expected<std::vector<IpAddress>, FlowReason>;

class Resolver {
 public:
  // `servers`: "192.0.2.53" or "192.0.2.53:5353" each. Throws std::runtime_error when c-ares cannot take them.
  Resolver(asio::io_context& io, const std::vector<std::string>& servers);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Two questions: A and AAAA.
  void look_up(const std::string& canonical_name, std::shared_ptr<Later<Answers>> answers);

 private:
  class Channel;
  std::unique_ptr<Channel> channel_;
};

}  // namespace cordon::egress
