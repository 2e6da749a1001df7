#include "supervisor/jobs/recovery.hpp"

#include "supervisor/jobs/job_report.hpp"
#include "supervisor/jobs/ordering.hpp"
#include "supervisor/text/log.hpp"
#include "supervisor/tools/call_outcome.hpp"
#include "supervisor/tools/calling.hpp"

namespace cordon {
namespace {

std::string reason_of(const UnfinishedRow& row) {
  if (row.state == "received") return "cordond ended while it waited in the queue; nothing of it ran";
  if (row.state == "admitted") return "cordond ended while it was being started; whether it ran is not known";
  return "cordond ended while it ran";
}

EndedRow lost_row(const UnfinishedRow& row, std::int64_t age_s) {
  const auto now = std::chrono::system_clock::now();
  EndedRow ended;
  ended.id = row.id;
  ended.lost = true;
  if (row.state != "received") ended.ambiguous = ambiguous_row(row.report, row.id, row.actor);
  if (ended.ambiguous) ended.ambiguous->at_us = unix_us(now);
  ended.report = lost_report(row.report, {reason_of(row), ended.ambiguous.has_value()}, now);
  ended.events = R"([[0,"queued"]])";
  ended.bytes = ended.report.size();
  ended.at_us = unix_us(now);
  ended.age_s = age_s;
  return ended;
}

// Under the profiles in force now. When it is no longer possible, it is over, and says so.
awaitable<tl::expected<Ordered, Rejection>> order_again(JobStore* store, ToolGate* gate, CatalogPtr catalog,
                                                        Account account, UnfinishedRow row) {
  const Caller caller{0, Role::agent, account};
  const auto call = reported_call(row.report);
  if (!call) {
    auto ordering = order_job(store, catalog, caller, *row.body);
    co_return co_await std::move(ordering);
  }
  CallWish wish{call->tool, *row.body, call->compensates, call->health};
  auto ordering = order_call(store, catalog, gate, &gate->unsettled, caller, std::move(wish));
  auto ordered = co_await std::move(ordering);
  if (!ordered) co_return tl::unexpected(ordered.error());
  if (ordered->ordered.order.call->digest == call->digest) co_return std::move(ordered->ordered);
  Rejection changed;
  changed.detail = "tool " + call->tool + " is another than the one that was called";
  co_return tl::unexpected(std::move(changed));
}

awaitable<void> queue_again(JobStore* store, JobLife* life, Authority* authority, ToolGate* gate, CatalogPtr catalog,
                            UnfinishedRow row) {
  const Account account{row.actor, row.tenant};
  const WallTime submitted{std::chrono::microseconds(row.received_at_us)};
  auto ordering = order_again(store, gate, catalog, account, row);
  auto ordered = co_await std::move(ordering);
  auto order = ordered ? std::move(ordered->order) : JobOrder{};
  tl::expected<Mandate, Denied> mandate = tl::unexpected(Denied{});
  if (ordered) {
    mandate = authority->resume(account, order, row.mandate, *row.body);
  } else {
    mandate = tl::unexpected(Denied{"configuration", ordered.error().detail});
  }
  auto told = mandate ? *mandate : parse_mandate(row.mandate.value_or("")).value_or(Mandate{});
  if (!mandate && told.approval) told.approval->state = ApprovalState::refused;
  const auto job = std::make_shared<Job>(row.id, account, std::move(order), submitted, std::move(told));
  if (row.key) store->bind({row.actor, *row.key}, row.request, job);
  if (mandate) {
    life->resubmit(job);
  } else {
    life->refuse_resubmitted(job, mandate.error());
  }
}

}  // namespace

awaitable<Recovered> recover_jobs(Journal* journal, JobStore* store, JobLife* life, Authority* authority,
                                  ToolGate* gate, CatalogPtr catalog) {
  std::function<std::vector<UnfinishedRow>(JobRows&)> look = [](JobRows& rows) { return rows.unfinished(); };
  const auto unfinished = co_await journal->read(std::move(look));
  std::function<std::vector<SavedBudget>(JobRows&)> budgets = [](JobRows& rows) { return rows.budgets(); };
  life->restore(co_await journal->read(std::move(budgets)));
  std::vector<EndedRow> lost;
  Recovered recovered;
  for (const auto& row : unfinished) {
    const bool waits = row.state == "received" && row.body;
    if (waits) continue;
    lost.push_back(lost_row(row, journal->age_s()));
    const auto call = reported_call(row.report);
    recovered.lost.push_back({{row.actor, row.tenant, call ? call->tool : "", "", row.id}, reason_of(row)});
  }
  DatabaseThread::Work work = [lost](JobRows& rows) {
    for (const auto& row : lost) rows.end(row);
  };
  if (!lost.empty()) co_await journal->write(std::move(work), Durability::power);
  std::function<std::vector<AmbiguousRow>(JobRows&)> unsettled = [](JobRows& rows) { return rows.unsettled(); };
  for (auto& row : co_await journal->read(std::move(unsettled))) gate->unsettled.add(std::move(row));
  for (const auto& row : unfinished) {
    if (row.state != "received" || !row.body) continue;
    auto again = queue_again(store, life, authority, gate, catalog, row);
    co_await std::move(again);
    ++recovered.queued;
  }
  co_return recovered;
}

}  // namespace cordon
