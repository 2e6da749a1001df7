// One connection of a tool, from accept to its close: admitted, heard, authorised, recorded, dialled, relayed.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "netfilter/policy/authorise.hpp"
#include "netfilter/proxy/dial.hpp"
#include "netfilter/proxy/hearing.hpp"
#include "netfilter/proxy/job.hpp"
#include "netfilter/proxy/relay.hpp"

namespace cordon::egress {

class Flow {
 public:
  Flow(std::shared_ptr<Job> job, tcp::socket tool);
  ~Flow();
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // The whole of it. Spawned once.
  static awaitable<void> run(std::shared_ptr<Flow> flow);

  // RST to the far side; whatever it waits for is given up. The first reason counts. reset_tool() is to follow.
  void cut(FlowReason why);
  void reset_tool();
  void end_if_expired(std::chrono::sys_seconds now);  // its grant
  void tell_progress();                               // if there is any since the last time, and cordond reads

 private:
  bool is_ended() const { return ended_ != FlowReason::none; }
  FlowReason admit();
  awaitable<FlowReason> decide();
  FlowReason check_budgets() const;
  awaitable<FlowReason> wait_for_evidence();
  void prepare(const Permit& permit);
  awaitable<FlowReason> relay();
  awaitable<void> refuse(FlowReason why);
  std::string refusal(FlowReason why) const;
  FlowDecided decision(FlowReason why) const;
  void record_denial(FlowReason why);
  void record_close(FlowReason why);
  Budget& grant_budget() const { return job_->budget_of(*grant_); }

  std::shared_ptr<Job> job_;
  tcp::socket tool_;
  Clock::time_point accepted_ = Clock::now();
  std::uint64_t id_;
  Destination destination_;
  std::string name_;  // canonical, or an address, or ""
  std::optional<std::size_t> grant_;
  EgressMode mode_ = EgressMode::raw;
  bool in_job_budget_ = false, in_grant_budget_ = false;
  Hearing hearing_;
  std::optional<Permit> permit_;
  std::shared_ptr<Later<bool>> evidence_;
  Dial dial_;
  std::shared_ptr<Relay> relay_;
  std::uint64_t told_[2] = {0, 0};       // bytes, of which cordond has heard
  FlowReason ended_ = FlowReason::none;  // why cut() was called
};

}  // namespace cordon::egress
