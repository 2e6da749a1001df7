// What the fuzzers of messages with a version begin with: one of each, as it is said now. A seed of another version is
// refused at its header, and nothing behind that is looked at.
// usage: fuzz_seeds CORPUS [--write]     compares them with tests/fuzz/corpus, or writes them there
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include "netfilter/egress_job.hpp"
#include "profiles/flow_record.hpp"
#include "sandbox/artifact_stream.hpp"
#include "sandbox/init_plan.hpp"
#include "sandbox/job_spec.hpp"
#include "sandbox/payload.hpp"
#include "sandbox/report.hpp"
#include "sandbox/witness.hpp"
#include "tests/unit/every_ending.hpp"

using namespace cordon;

namespace {

using Seeds = std::map<std::string, std::string>;

JobSpec a_job() {
  JobSpec job;
  job.id = "0192-ab";
  job.limits = {10000, 5000, 1500, 256 << 20, 64, 1 << 20, 64 << 20, 1000, 1 << 20, 256};
  job.generation = 1;
  job.survey = true;
  return job;
}

JobSpec a_job_with_grants() {
  auto job = a_job();
  job.egress = {{"*.example.com", {}, {443, 8443}, EgressMode::passthrough, {}, {}, false, false},
                {"", {0xc0000200, 24}, {5432}, EgressMode::raw, {}, {}, false, false}};
  job.owner = {"uid:1", "default", "", "web"};
  return job;
}

void add_orders(Seeds& seeds) {
  seeds["lifeline/hello"] = encode_hello();
  seeds["lifeline/prepare"] = encode(Preparation{{}, "host", "python"});
  seeds["lifeline/job"] = encode(a_job());
  seeds["lifeline/job_egress"] = encode(a_job_with_grants());
  seeds["lifeline/payload"] = encode(Payload{
      {"python3", "-c", "print(1)"}, {"A=b", "EMPTY="}, "data", {{"data/in.csv", 0640, "a,b\n"}, {"empty", 0600, ""}}});
  seeds["lifeline/globs"] = encode_globs({"out/**", "*.csv"});
}

void add_reports(Seeds& seeds) {
  const Usage usage{1, 2, 3, std::nullopt, 4, std::nullopt};
  const std::vector<Denial> denials{{"pids", 4, "fork"}, {"scratch", std::nullopt, ""}};
  for (const auto& ending : test::every_ending())
    seeds["lifeline/finished" + std::to_string(ending.index())] =
        encode(LauncherMessage(Finished{ending, usage, denials, {{"run", 9}}}));
  seeds["lifeline/ready"] = encode(LauncherMessage(Ready{"1", {{"kernel", "6"}}, {"host"}, {{"default", {}}}}));
  seeds["lifeline/prepared"] = encode(LauncherMessage(Prepared{{{"uid", "7"}}, {}}));
  seeds["lifeline/started"] = encode(LauncherMessage(Started{{{"seccomp", "2"}}}));
}

void add_init(Seeds& seeds) {
  InitPlan plan;
  plan.init_uid = 5;
  plan.inside_uid = 1000;
  plan.rlimits = {{4, 1}};
  plan.filter = std::string(16, 'f');
  plan.refusals = std::string(8, 'r');
  plan.init_filter = std::string(24, 'i');
  plan.interpreter = {{"python3", "-x"}, {"A=b"}};
  seeds["lifeline/init_plan"] = encode(plan);
  const std::vector<InitMessage> said{UserNamespaceEntered{},
                                      Probed{3, 2, {{"a", "b"}}},
                                      JobRead{},
                                      StepFailed{"mount", "/x", 1, "do"},
                                      ToolExecFailed{"exec", 2},
                                      ToolEnded{256},
                                      JobDeclined{"why"},
                                      InterpreterReady{},
                                      DescriptorsLeft{}};
  for (const auto& message : said) seeds["lifeline/init" + std::to_string(message.index())] = encode(message);
}

void add_witness(Seeds& seeds) {
  seeds["ledger/started"] = encode(witness::Started{7, "0192-ab", "host", {}, {}, {}, a_job().limits});
  seeds["ledger/ended"] =
      encode(witness::ended(7, "0192-ab", {Exited{3}, {1, 2, 3, std::nullopt, 4, std::nullopt}, {}, {}}));
  seeds["ledger/written"] = witness::encode_written(7);
}

void add_collected(Seeds& seeds) {
  using artifacts::Frame;
  const std::vector<Frame> frames{artifacts::FileBegin{"out/a"},
                                  artifacts::FileData{"hello"},
                                  artifacts::FileEnd{5, {}},
                                  artifacts::Skipped{"out/b", "why"},
                                  artifacts::Left{"tmp/c", artifacts::LeftKind::link},
                                  artifacts::Left{"work/out/a", artifacts::LeftKind::file, 5, Sha256{}},
                                  artifacts::SurveyEnd{true},
                                  artifacts::End{"note"}};
  for (const auto& frame : frames) seeds["artifact_stream/surveyed"] += artifacts::encode(frame);
}

void add_egress(Seeds& seeds) {
  const IpAddress address(Ipv4{0x01020304});
  const FlowDecided decided{
      7, "job", 1, 2, 3, "a.example.com", 443, EgressMode::passthrough, "a.example.com", {}, {}, {}, FlowReason::none,
      0};
  const FlowDecided denied{
      0,  "job", 1, 3, 4, "b.example.com", 80, EgressMode::http, {}, "GET", "b.example.com", "/", FlowReason::no_grant,
      255};
  const std::vector<FlowRecord> records{decided,
                                        denied,
                                        FlowClosed{"job", 2, 3, {address}, address, 5, 6, 7, FlowReason::idle},
                                        DeniedAgain{"job", "b.example.com", 80, FlowReason::no_grant, 9},
                                        QueryDenied{"job", "", 16, FlowReason::no_grant, 9},
                                        JobClosed{"job", 1, 2, 3, 4, 5, 6},
                                        EgressFigures{},
                                        LedgerLost{},
                                        Revoked{{"job", "other"}},
                                        FlowMoved{"job", 2, 5, 6}};
  for (std::size_t i = 0; i < records.size(); ++i) seeds["flow_record/record" + std::to_string(i)] = encode(records[i]);
  const std::vector<WatcherMessage> messages{EvidenceWritten{7}, AskFigures{},
                                             RevokeEgress{{"job", "other"}, FlowReason::job_ended}, LedgerComes{}};
  for (const auto& message : messages) seeds["flow_record/message" + std::to_string(message.index())] = encode(message);
  const auto job = a_job_with_grants();
  seeds["flow_record/to_write"] = encode(FlowToWrite{job.owner, decided});
  EgressJob told;
  told.id = job.id;
  told.grants = job.egress;
  told.owner = job.owner;
  assign_synthetic_addresses(told);
  seeds["egress_job/job"] = encode(told);
  seeds["egress_job/answer"] = encode(EgressAnswer{EgressRefusal::no_room});
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) {
  const bool write = argc == 3 && std::strcmp(argv[2], "--write") == 0;
  if (argc != 2 && !write) return std::cerr << "usage: " << argv[0] << " CORPUS [--write]\n", EXIT_FAILURE;
  Seeds seeds;
  add_orders(seeds);
  add_reports(seeds);
  add_init(seeds);
  add_witness(seeds);
  add_collected(seeds);
  add_egress(seeds);
  int stale = 0;
  for (const auto& [name, bytes] : seeds) {
    const auto path = std::string(argv[1]) + "/" + name;
    if (write) std::ofstream(path, std::ios::binary) << bytes;
    if (content(path) == bytes) continue;
    ++stale;
    std::cerr << path << " is not what is said now: run " << argv[0] << " " << argv[1] << " --write\n";
  }
  std::cout << seeds.size() << " seeds, " << stale << " stale\n";
  return stale > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
