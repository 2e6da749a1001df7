#include "netfilter/wall/kernel_table.hpp"

#include <fmt/format.h>
#include <nftables/libnftables.h>
#include <sched.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace cordon {
namespace {

// Speaks with the network namespace that this process is in when it is made.
class Nftables {
 public:
  Nftables() : context_(nft_ctx_new(NFT_CTX_DEFAULT), nft_ctx_free) {
    if (!context_) throw std::runtime_error("libnftables gives no context");
    nft_ctx_buffer_error(context_.get());
    nft_ctx_buffer_output(context_.get());
    nft_ctx_output_set_flags(context_.get(), NFT_CTX_OUTPUT_STATELESS);
  }
  std::string run(const std::string& commands) {
    if (nft_run_cmd_from_buffer(context_.get(), commands.c_str()) != 0)
      throw std::runtime_error(fmt::format("nftables refuses it: {}", nft_ctx_get_error_buffer(context_.get())));
    return nft_ctx_get_output_buffer(context_.get());
  }

 private:
  std::unique_ptr<nft_ctx, decltype(&nft_ctx_free)> context_;
};

std::string list(Nftables& nftables, const Wall& wall) {
  return nftables.run("list table inet " + table_name(wall));
}

}  // namespace

void load(const std::string& text) {
  Nftables().run(text);
}

std::optional<std::string> loaded_table(const Wall& wall) {
  Nftables nftables;
  const auto tables = "\n" + nftables.run("list tables inet");
  if (tables.find("\ntable inet " + table_name(wall) + "\n") == tables.npos) return std::nullopt;
  return list(nftables, wall);
}

std::string fresh_table(const Wall& wall) {
  if (::unshare(CLONE_NEWNET) < 0)
    throw std::runtime_error(fmt::format("no network namespace to compare in: {}", std::strerror(errno)));
  Nftables nftables;
  nftables.run(ruleset(wall));
  return list(nftables, wall);
}

}  // namespace cordon
