// The messages of a lifeline and of a sandbox: what is encoded comes back, and nothing else is accepted.
#include <catch2/catch.hpp>

#include "sandbox/artifact_stream.hpp"
#include "sandbox/init_plan.hpp"
#include "sandbox/job_spec.hpp"
#include "sandbox/payload.hpp"
#include "sandbox/report.hpp"
#include "tests/unit/every_ending.hpp"

namespace cordon {
namespace {

JobSpec a_spec() {
  JobSpec spec;
  spec.id = "0192-ab";
  spec.limits = {10000, 5000, 1500, 256 << 20, 64, 1 << 20, 64 << 20, 1000, 1 << 20, 256};
  spec.generation = 1;
  spec.survey = true;
  spec.owner = {"uid:1", "tenant", "tool", "web"};
  return spec;
}

Payload a_payload() {
  Payload p;
  p.argv = {"python3", "-c", "print(1)"};
  p.env = {"A=b", "EMPTY="};
  p.cwd = "data";
  p.files = {{"data/in.csv", 0640, "a,b\n"}, {"empty", 0600, ""}};
  return p;
}

// Every proper prefix, and every extension by one byte, must be refused.
template <typename Decode>
void refuses_other_lengths(const std::string& good, Decode decode) {
  for (std::size_t size = 0; size < good.size(); ++size) {
    INFO("cut to " << size << " of " << good.size());
    CHECK_FALSE(decode(std::string_view(good).substr(0, size)));
  }
  CHECK_FALSE(decode(good + '\0'));
}

TEST_CASE("a JobSpec survives the lifeline and is refused in any other length") {
  const auto bytes = encode(a_spec());
  REQUIRE(decode_job_spec(bytes) == a_spec());
  refuses_other_lengths(bytes, [](std::string_view b) { return decode_job_spec(b).has_value(); });
}

TEST_CASE("a JobSpec brings its grants, and none that no profile could have") {
  auto spec = a_spec();
  spec.egress = {{"*.example.com", {}, {443, 8443}, EgressMode::passthrough, {}, {}, false, false},
                 {"", {0xc0000200, 24}, {5432}, EgressMode::raw, {}, {}, false, false}};
  const auto bytes = encode(spec);
  REQUIRE(decode_job_spec(bytes) == spec);
  refuses_other_lengths(bytes, [](std::string_view b) { return decode_job_spec(b).has_value(); });
  spec.egress[0].name = "*.com";
  CHECK_FALSE(decode_job_spec(encode(spec)));
  spec.egress[0].name = "*.example.com";
  spec.egress[1].network = {0, 0};
  CHECK_FALSE(decode_job_spec(encode(spec)));
}

TEST_CASE("a Preparation survives the lifeline, is refused in any other length, and names an image") {
  Preparation wanted{{}, "host"};
  wanted.profile.fill(7);
  const auto bytes = encode(wanted);
  REQUIRE(decode_preparation(bytes) == wanted);
  refuses_other_lengths(bytes, [](std::string_view b) { return decode_preparation(b).has_value(); });
  CHECK_FALSE(decode_preparation(encode(a_spec())));
  for (const char* image : {"../etc", "..", "", ".hidden", "a/b"}) {
    wanted.image = image;
    CHECK_FALSE(decode_preparation(encode(wanted)));
  }
  for (const char* prestart : {"python", "node", "ruby", "python ", "PYTHON"}) {
    wanted = {{}, "host", prestart};
    const auto decoded = decode_preparation(encode(wanted));
    CHECK(decoded.has_value() == (wanted.prestart == "python" || wanted.prestart == "node"));
    if (decoded) CHECK(*decoded == wanted);
  }
}

TEST_CASE("a JobSpec with a name or a limit out of bounds is refused") {
  auto refused = [](auto change) {
    auto spec = a_spec();
    change(spec);
    return !decode_job_spec(encode(spec)).has_value();
  };
  CHECK(refused([](JobSpec& s) { s.id = "../x"; }));
  CHECK(refused([](JobSpec& s) { s.id.clear(); }));
  CHECK(refused([](JobSpec& s) { s.id = std::string(65, 'a'); }));
  CHECK(refused([](JobSpec& s) { s.owner.tenant = std::string(129, 'a'); }));
  CHECK(refused([](JobSpec& s) { s.generation = 0; }));  // of a latch that nobody has set
  for (const auto& field : limit_fields) {
    INFO(field.name);
    CHECK(refused([&](JobSpec& s) { s.limits.*field.member = 0; }));
    CHECK(refused([&](JobSpec& s) { s.limits.*field.member = field.max + 1; }));
    CHECK(refused([&](JobSpec& s) { s.limits.*field.member = ~std::uint64_t{0}; }));
  }
  CHECK(refused([](JobSpec& s) { s.limits.scratch_bytes = s.limits.memory_bytes - memory_beside_scratch + 1; }));
}

TEST_CASE("another version of the protocol is refused") {
  auto bytes = encode(a_spec());
  ++bytes[4];
  CHECK_FALSE(decode_job_spec(bytes));
  CHECK_FALSE(is_hello(bytes));
  CHECK(is_hello(encode_hello()));
  CHECK_FALSE(is_hello(encode_hello() + "x"));
}

TEST_CASE("a payload survives, with its files as views, and is refused in any other length") {
  const auto bytes = encode(a_payload());
  const auto back = decode_payload(bytes);
  REQUIRE(back);
  CHECK(back->argv == a_payload().argv);
  CHECK(back->env == a_payload().env);
  CHECK(back->cwd == "data");
  REQUIRE(back->files.size() == 2);
  CHECK(back->files[0].path == "data/in.csv");
  CHECK(back->files[0].mode == 0640);
  CHECK(back->files[0].content == "a,b\n");
  CHECK(back->files[1].content.empty());
  refuses_other_lengths(bytes, [](std::string_view b) { return decode_payload(b).has_value(); });
}

TEST_CASE("a payload that could reach outside the workspace or confuse execve is refused", "[threat:followed-path]") {
  auto refused = [](auto change) {
    auto payload = a_payload();
    change(payload);
    return !decode_payload(encode(payload)).has_value();
  };
  CHECK(refused([](Payload& p) { p.argv.clear(); }));
  CHECK(refused([](Payload& p) { p.argv[0].clear(); }));
  CHECK(refused([](Payload& p) { p.argv[1] = std::string("a\0b", 3); }));
  CHECK(refused([](Payload& p) { p.env[0] = "NOEQUALS"; }));
  CHECK(refused([](Payload& p) { p.env[0] = "=x"; }));
  CHECK(refused([](Payload& p) { p.env[0] = std::string("A=\0", 3); }));
  CHECK(refused([](Payload& p) { p.cwd = "/etc"; }));
  CHECK(refused([](Payload& p) { p.cwd = "a/../.."; }));
  CHECK(refused([](Payload& p) { p.files[0].mode = 04755; }));
  for (const char* path : {"", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "."}) {
    INFO(path);
    CHECK(refused([&](Payload& p) { p.files[0].path = path; }));
  }
  CHECK(refused([](Payload& p) { p.files[0].path = std::string(256, 'a'); }));
  CHECK(refused([](Payload& p) { p.files[0].path = std::string("a\0b", 3); }));
}

TEST_CASE("a count that claims more than is there allocates nothing and is refused") {
  wire::Writer w;
  w.u32(1);
  w.u32(0xffffffff);  // argv entries
  CHECK_FALSE(decode_payload(w.take()));
}

TEST_CASE("every ending and every field of a report survives the lifeline") {
  for (const auto& ending : test::every_ending()) {
    const Finished finished{ending,
                            {1, 2, 3, std::nullopt, 4, std::nullopt},
                            {{"pids", 4, "fork"}, {"scratch", std::nullopt, ""}},
                            {{"run", 9}}};
    const auto bytes = encode(LauncherMessage(finished));
    REQUIRE(decode_launcher_message(bytes) == LauncherMessage(finished));
    refuses_other_lengths(bytes, [](std::string_view b) { return decode_launcher_message(b).has_value(); });
  }
  const Started started{{{"seccomp", "2"}}};
  CHECK(decode_launcher_message(encode(LauncherMessage(started))) == LauncherMessage(started));
  const Prepared prepared{{{"uid", "7"}}, {}};
  CHECK(decode_launcher_message(encode(LauncherMessage(prepared))) == LauncherMessage(prepared));
  const Ready ready{"1", {{"kernel", "6"}}, {"host"}, {{"default", {}}}};
  CHECK(decode_launcher_message(encode(LauncherMessage(ready))) == LauncherMessage(ready));
}

TEST_CASE("an InitPlan survives, and one without a whole filter is refused") {
  InitPlan plan{5,
                1000,
                {{4, 1}},
                0xcb,
                2,
                true,
                std::string(16, 'f'),
                std::string(8, 'r'),
                std::string(24, 'i'),
                {{"python3", std::string(70000, ' ')}, {"A=b", ""}}};
  const auto bytes = encode(plan);
  CHECK(decode_init_plan(bytes) == plan);
  refuses_other_lengths(bytes, [](std::string_view b) { return decode_init_plan(b).has_value(); });
  for (auto* filter : {&plan.filter, &plan.refusals, &plan.init_filter})
    for (const char* bad : {"", "1234567"}) {
      const auto good = std::exchange(*filter, bad);
      CHECK_FALSE(decode_init_plan(encode(plan)));
      *filter = good;
    }
}

TEST_CASE("artifact frames survive being cut into single bytes") {
  const std::string bytes =
      encode(artifacts::Frame(artifacts::FileBegin{"out/a"})) + encode(artifacts::Frame(artifacts::FileData{"hello"})) +
      encode(artifacts::Frame(artifacts::FileEnd{5, {}})) +
      encode(artifacts::Frame(artifacts::Skipped{"out/b", "why"})) +
      encode(artifacts::Frame(artifacts::Left{"tmp/c", artifacts::LeftKind::link})) +
      encode(artifacts::Frame(artifacts::Left{"work/out/a", artifacts::LeftKind::file, 5, Sha256{}})) +
      encode(artifacts::Frame(artifacts::SurveyEnd{true})) + encode(artifacts::Frame(artifacts::End{""}));
  artifacts::Decoder decoder;
  std::vector<std::size_t> kinds;
  for (const char byte : bytes) {
    decoder.feed({&byte, 1});
    while (const auto frame = decoder.next()) kinds.push_back(frame->index());
  }
  CHECK(kinds == std::vector<std::size_t>{0, 1, 2, 3, 5, 5, 6, 4});
  CHECK_FALSE(decoder.bad());
}

TEST_CASE("an artifact stream that names a path outside the workspace or an endless frame is bad",
          "[threat:followed-path]") {
  artifacts::Decoder outside;
  outside.feed(encode(artifacts::Frame(artifacts::FileBegin{"../x"})));
  CHECK_FALSE(outside.next());
  CHECK(outside.bad());
  for (const auto& left : {artifacts::Left{"work/../x"}, artifacts::Left{"/tmp"}, artifacts::Left{""},
                           artifacts::Left{"tmp/x", static_cast<artifacts::LeftKind>(4)}}) {
    artifacts::Decoder decoder;
    decoder.feed(encode(artifacts::Frame(left)));
    CHECK_FALSE(decoder.next());
    CHECK(decoder.bad());
  }
  artifacts::Decoder endless;
  endless.feed("\xff\xff\xff\x7f");
  CHECK_FALSE(endless.next());
  CHECK(endless.bad());
}

}  // namespace
}  // namespace cordon
