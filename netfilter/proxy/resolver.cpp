#include "netfilter/proxy/resolver.hpp"

#include <ares.h>
#include <netdb.h>
#include <sys/time.h>

#include <cstring>
#include <map>
#include <stdexcept>

#include "netfilter/proxy/seqpacket.hpp"

namespace cordon::egress {

namespace {

constexpr int class_in = 1, type_a = 1, type_aaaa = 28;
constexpr int timeout_ms = 2000, tries = 2;  // of each server
constexpr int header_size = 12;              // of a reply (RFC 1035, 4.1.1)
constexpr int max_records = 64;              // of a reply, CNAMEs among them: each costs c-ares and us

IpAddress address_of(const hostent& host, const char* octets) {
  if (host.h_addrtype == AF_INET6) {
    IpAddress::Octets v6{};
    std::memcpy(v6.data(), octets, v6.size());
    return IpAddress(v6);
  }
  std::uint32_t v4 = 0;
  std::memcpy(&v4, octets, sizeof v4);
  return IpAddress(ntohl(v4));
}

// Both questions of one look-up.
struct LookUp {
  std::shared_ptr<Later<Answers>> answers;
  std::vector<IpAddress> found;
  int unanswered = 2;
  bool failed = false;
  bool refused = false;  // whatever the other question brings

  void take(int status, const hostent* host) {
    if (status == ARES_SUCCESS && host != nullptr)
      for (auto** at = host->h_addr_list; *at != nullptr; ++at) found.push_back(address_of(*host, *at));
    else if (status != ARES_ENODATA && status != ARES_ENOTFOUND)
      failed = true;
    if (--unanswered > 0) return;
    if (!found.empty() && !refused)
      answers->deliver(std::move(found));
    else
      answers->deliver(tl::unexpected(failed || refused ? FlowReason::resolver_failed : FlowReason::name_not_found));
  }
};

using Parse = int (*)(const unsigned char*, int, hostent**);

// As the reply's own header says: so that one of thousands is not read at all.
bool has_too_many_records(const unsigned char* reply, int size) {
  return size < header_size || (reply[6] << 8 | reply[7]) > max_records;
}

void take_reply(void* argument, int status, unsigned char* reply, int size, Parse parse) {
  const std::unique_ptr<std::shared_ptr<LookUp>> look_up(static_cast<std::shared_ptr<LookUp>*>(argument));
  hostent* host = nullptr;
  if (status == ARES_SUCCESS && has_too_many_records(reply, size)) (*look_up)->refused = true, status = ARES_EBADRESP;
  if (status == ARES_SUCCESS) status = parse(reply, size, &host);
  (*look_up)->take(status, host);
  if (host != nullptr) ::ares_free_hostent(host);
}

void take_a(void* argument, int status, int, unsigned char* reply, int size) {
  take_reply(argument, status, reply, size, [](const unsigned char* bytes, int n, hostent** host) {
    return ::ares_parse_a_reply(bytes, n, host, nullptr, nullptr);
  });
}

void take_aaaa(void* argument, int status, int, unsigned char* reply, int size) {
  take_reply(argument, status, reply, size, [](const unsigned char* bytes, int n, hostent** host) {
    return ::ares_parse_aaaa_reply(bytes, n, host, nullptr, nullptr);
  });
}

}  // namespace

// c-ares has its sockets watched by Asio, and closes them itself.
class Resolver::Channel {
 public:
  Channel(asio::io_context& io, const std::vector<std::string>& servers) : io_(io), timer_(io) {
    ares_options options{};
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    options.timeout = timeout_ms;
    options.tries = tries;
    options.ndots = 1;
    char lookups[] = "b";  // DNS only
    options.lookups = lookups;
    options.sock_state_cb = &Channel::socket_changed;
    options.sock_state_cb_data = this;
    constexpr int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_LOOKUPS |
                          ARES_OPT_SOCK_STATE_CB;
    check(::ares_library_init(ARES_LIB_INIT_ALL));
    check(::ares_init_options(&channel_, &options, given));
    std::string list;
    for (const auto& server : servers) list += (list.empty() ? "" : ",") + server;
    check(::ares_set_servers_ports_csv(channel_, list.c_str()));
  }
  ~Channel() {
    if (channel_ != nullptr) ::ares_destroy(channel_);
    ::ares_library_cleanup();
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void look_up(const std::string& name, std::shared_ptr<Later<Answers>> answers) {
    const auto shared = std::make_shared<LookUp>(LookUp{std::move(answers), {}});
    // Each callback is called exactly once, and frees its argument.
    ::ares_query(channel_, name.c_str(), class_in, type_a, &take_a, new std::shared_ptr<LookUp>(shared));
    ::ares_query(channel_, name.c_str(), class_in, type_aaaa, &take_aaaa, new std::shared_ptr<LookUp>(shared));
    arm_timer();
  }

 private:
  using Watched = std::shared_ptr<Descriptor>;

  static void check(int status) {
    if (status != ARES_SUCCESS) throw std::runtime_error(std::string("the resolver: ") + ::ares_strerror(status));
  }

  static void socket_changed(void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<Channel*>(self)->watch(fd, readable != 0, writable != 0);
  }

  void watch(int fd, bool readable, bool writable) {
    const auto found = sockets_.find(fd);
    if (!readable && !writable) {
      if (found == sockets_.end()) return;
      found->second->release();
      sockets_.erase(found);
      return;
    }
    const bool known = found != sockets_.end();
    auto watched = known ? found->second : std::make_shared<Descriptor>(io_, fd);
    if (!known) {
      sockets_.emplace(fd, watched);
      asio::co_spawn(io_, wait(watched, fd, Descriptor::wait_read), asio::detached);
    }
    if (writable) asio::co_spawn(io_, wait(watched, fd, Descriptor::wait_write), asio::detached);
  }

  // For reading as long as c-ares has it, for writing once: c-ares asks again.
  awaitable<void> wait(Watched watched, int fd, Descriptor::wait_type what) {
    for (;;) {
      const auto [error] = co_await watched->async_wait(what, as_result);
      const auto found = sockets_.find(fd);
      if (error || found == sockets_.end() || found->second != watched) co_return;
      const bool reading = what == Descriptor::wait_read;
      ::ares_process_fd(channel_, reading ? fd : ARES_SOCKET_BAD, reading ? ARES_SOCKET_BAD : fd);
      arm_timer();
      if (!reading) co_return;
    }
  }

  void arm_timer() {
    timeval left{};
    if (::ares_timeout(channel_, nullptr, &left) == nullptr) return;
    timer_.expires_after(std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec + 1000));
    timer_.async_wait([this](const error_code& error) {
      if (error) return;
      ::ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      arm_timer();
    });
  }

  asio::io_context& io_;
  asio::steady_timer timer_;
  ares_channel channel_ = nullptr;
  std::map<int, Watched> sockets_;
};

Resolver::Resolver(asio::io_context& io, const std::vector<std::string>& servers)
    : channel_(std::make_unique<Channel>(io, servers)) {}

Resolver::~Resolver() = default;

void Resolver::look_up(const std::string& canonical_name, std::shared_ptr<Later<Answers>> answers) {
  channel_->look_up(canonical_name, std::move(answers));
}

}  // namespace cordon::egress
