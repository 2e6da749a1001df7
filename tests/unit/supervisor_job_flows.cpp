#include "supervisor/egress/job_flows.hpp"

#include <catch2/catch.hpp>

#include "supervisor/evidence/flow_evidence.hpp"

using namespace cordon;

namespace {

FlowDecided decided(std::uint64_t flow, FlowReason reason = FlowReason::none,
                    const std::string& name = "a.example.com") {
  FlowDecided out;
  out.job = "j";
  out.flow = flow;
  out.name = name;
  out.port = 443;
  out.reason = reason;
  return out;
}

FlowClosed closed(std::uint64_t flow, std::uint64_t up, std::uint64_t down) {
  FlowClosed out;
  out.job = "j";
  out.flow = flow;
  out.bytes_up = up, out.bytes_down = down;
  out.dialled = parse_ip_address("192.0.2.7");
  return out;
}

}  // namespace

TEST_CASE("a flow is told as it is allowed, and with its bytes once it has ended") {
  JobFlows flows;
  flows.take(decided(1));
  auto open = flows.json().at(0);
  CHECK(open["verdict"] == "allowed");
  CHECK(open["reason"].is_null());
  CHECK(open["bytes_up"].is_null());
  flows.take(FlowMoved{"j", 1, 3, 4});
  flows.take(FlowMoved{"j", 2, 30, 40});  // of none that was let out
  open = flows.json().at(0);
  CHECK(open["bytes_up"] == 3);
  CHECK(open["bytes_down"] == 4);
  flows.take(closed(1, 5, 7));
  flows.take(FlowMoved{"j", 1, 6, 8});
  auto ended = flows.json().at(0);
  CHECK(ended["bytes_up"] == 5);
  CHECK(ended["bytes_down"] == 7);
  CHECK(ended["address"] == "192.0.2.7");
}

TEST_CASE("denials of one kind are one row with an exact count") {
  JobFlows flows;
  flows.take(decided(1, FlowReason::no_grant));
  flows.take(decided(2, FlowReason::no_grant));
  flows.take(DeniedAgain{"j", "a.example.com", 443, FlowReason::no_grant, 40});
  flows.take(decided(3, FlowReason::not_tls));
  flows.take(QueryDenied{"j", "b.example.com", 1, FlowReason::no_grant, 3});
  const auto told = flows.json();
  REQUIRE(told.size() == 3);
  CHECK(told[0]["count"] == 42);
  CHECK(told[0]["bytes_down"] == 0);
  CHECK(told[1]["reason"] == "not_tls");
  CHECK(told[2]["query"] == true);
  CHECK(told[2]["port"] == 53);
}

TEST_CASE("flows without a row of their own share one with those to the same name and port, with all their bytes") {
  JobFlows flows;
  for (std::uint64_t i = 0; i < max_told_flows + 10; ++i) flows.take(decided(i));
  flows.take(decided(1000, FlowReason::none, "b.example.com"));
  for (std::uint64_t i = 0; i < max_told_flows + 4; ++i) flows.take(closed(i, 2, 3));
  auto cut = closed(max_told_flows + 4, 1, 0);
  cut.reason = FlowReason::grant_revoked;
  flows.take(cut);
  flows.take(FlowMoved{"j", max_told_flows + 5, 30, 40});
  auto told = flows.json();
  REQUIRE(told.size() == max_told_flows + 2);
  CHECK_FALSE(told[0].contains("count"));
  auto& shared = told[max_told_flows];
  CHECK(shared["verdict"] == "allowed");
  CHECK(shared["count"] == 10);
  CHECK(shared["reason"] == "grant_revoked");
  CHECK(shared["bytes_up"] == 9);
  CHECK(shared["bytes_down"] == 12);
  CHECK(told.back()["name"] == "b.example.com");
  CHECK(told.back()["count"] == 1);
  flows.lose();
  told = flows.json();
  CHECK(told[max_told_flows]["reason"] == "egress_lost");
  CHECK(told[max_told_flows]["bytes_up"] == 9);
}

TEST_CASE("what does not fit into a report is counted, and no flood of denials takes a flow's place in it") {
  JobFlows flows;
  for (std::uint64_t i = 0; i < max_told_denials + 10; ++i)
    flows.take(decided(i, FlowReason::no_grant, std::to_string(i) + ".evil.test"));
  flows.take(decided(1000));
  auto told = flows.json();
  REQUIRE(told.size() == max_told_denials + 2);
  CHECK(told[max_told_denials]["verdict"] == "allowed");
  CHECK(told.back()["verdict"] == "untold");
  CHECK(told.back()["count"] == 10);
  for (std::uint64_t i = 0; i < max_told_flows + max_shared_rows + 5; ++i)
    flows.take(decided(2000 + i, FlowReason::none, std::to_string(i) + ".wild.test"));
  told = flows.json();
  CHECK(told.size() == max_told_denials + max_told_flows + max_shared_rows + 1);
  CHECK(told.back()["count"] == 10 + 6);
}

TEST_CASE("a flow whose end nobody told is lost, and its bytes are not invented") {
  JobFlows flows;
  flows.take(decided(1));
  flows.take(FlowMoved{"j", 1, 3, 4});
  CHECK_FALSE(flows.is_closed());
  flows.lose();
  CHECK(flows.is_closed());
  CHECK(flows.json().at(0)["reason"] == "egress_lost");
  CHECK(flows.json().at(0)["bytes_up"].is_null());
  flows.take(closed(1, 5, 7));
  CHECK(flows.json().at(0)["bytes_up"].is_null());
}

TEST_CASE("a job whose flows are all told is not lost behind that") {
  JobFlows flows;
  flows.take(decided(1));
  flows.take(closed(1, 5, 7));
  flows.take(JobClosed{"j", 1, 0, 5, 7, 0, 0});
  flows.lose();
  CHECK(flows.json().at(0)["reason"].is_null());
}

TEST_CASE("a job flows until the end of each of its flows is told, also of those that have no row") {
  JobFlows flows;
  for (std::uint64_t i = 0; i <= max_told_flows; ++i) flows.take(decided(i));
  for (std::uint64_t i = 0; i < max_told_flows; ++i) flows.take(closed(i, 0, 0));
  CHECK(flows.is_flowing());
  flows.take(closed(max_told_flows, 0, 0));
  CHECK_FALSE(flows.is_flowing());
  flows.take(decided(1000, FlowReason::grant_revoked));
  CHECK_FALSE(flows.is_flowing());
  flows.take(decided(1001));
  flows.lose();
  CHECK_FALSE(flows.is_flowing());
}

TEST_CASE("a job that is cut is taken to have a flow until that is heard, and what it had is over") {
  JobFlows flows;
  flows.begin_cut();
  CHECK(flows.is_flowing());
  flows.take(decided(1));  // it was on its way
  flows.cut_is_heard();
  CHECK(flows.is_flowing());
  flows.take(closed(1, 0, 0));
  CHECK_FALSE(flows.is_flowing());
  flows.begin_cut();
  flows.lose();  // who would have said so; it may go on all the same
  CHECK(flows.is_flowing());
  flows.cut_is_heard();
  CHECK_FALSE(flows.is_flowing());
  JobFlows ended;
  ended.begin_cut();
  ended.take(JobClosed{"j", 0, 0, 0, 0, 0, 0});
  CHECK_FALSE(ended.is_flowing());
  ended.begin_cut();
  CHECK_FALSE(ended.is_flowing());
}

TEST_CASE("a flow that was cut says why, in the report and in evidence") {
  for (const auto& [reason, word] :
       {std::pair(FlowReason::grant_revoked, "grant_revoked"), std::pair(FlowReason::grant_expired, "grant_expired")}) {
    JobFlows flows;
    flows.take(decided(1));
    auto end = closed(1, 5, 7);
    end.reason = reason;
    flows.take(end);
    CHECK(flows.json().at(0)["verdict"] == "allowed");
    CHECK(flows.json().at(0)["reason"] == word);
    CHECK(flows.json().at(0)["bytes_up"] == 5);
    const auto record = flow_evidence(end, JobOwner{});
    CHECK(std::get<std::string>(record.fields.at("reason")) == word);
    CHECK(std::get<std::uint64_t>(record.fields.at("bytes_down")) == 7);
  }
}

TEST_CASE("evidence of a flow says whose it is, where to, and by which rule") {
  auto flow = decided(3);
  flow.grant = 2;
  const JobOwner whose{"uid:1", "t", "", "web"};
  const auto record = flow_evidence(flow, whose);
  CHECK(record.kind == EvidenceKind::flow);
  CHECK(std::get<std::string>(record.fields.at("job")) == "j");
  CHECK(std::get<std::string>(record.fields.at("actor")) == "uid:1");
  CHECK(std::get<std::string>(record.fields.at("verdict")) == "allowed");
  CHECK(std::get<std::string>(record.fields.at("rule")) == "/egress/2");
  CHECK(std::get<std::uint64_t>(record.fields.at("port")) == 443);
  CHECK(record.fields.count("reason") == 0);
  CHECK(source_of(record.kind) == EvidenceSource::egress);
  CHECK(std::get<std::uint64_t>(flow_evidence(closed(3, 5, 7), whose).fields.at("bytes_down")) == 7);
  for (const auto& denied : {flow_evidence(decided(4, FlowReason::no_grant), whose),
                             flow_evidence(DeniedAgain{"j", "b.test", 443, FlowReason::no_grant, 2}, whose),
                             flow_evidence(QueryDenied{"j", "b.test", 28, FlowReason::no_grant, 2}, whose)}) {
    CHECK(denied.kind == EvidenceKind::flow_denied);
    CHECK(source_of(denied.kind) == EvidenceSource::cordond);
    CHECK(std::get<std::string>(denied.fields.at("job")) == "j");
    CHECK(std::get<std::string>(denied.fields.at("verdict")) == "denied");
  }
}
