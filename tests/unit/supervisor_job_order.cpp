#include <catch2/catch.hpp>

#include "supervisor/jobs/job_order.hpp"

using namespace cordon;

namespace {

Profile profile() {
  Profile p;
  p.name = "default";
  p.ceiling = {10000, 10000, 2000, 512 << 20, 64, 1 << 20, 64 << 20, 1000, 1 << 20, 256};
  p.defaults = p.ceiling;
  p.env = {{"PATH", "/usr/bin"}, {"HOME", "/work"}};
  p.languages = {{"python", {"main.py", {"python3", "main.py"}, "/usr/bin/python3"}}};
  p.collect = {10, 1000};
  p.digest[0] = 7;
  return p;
}

Catalog catalog() {
  Catalog c;
  c.profiles.emplace("default", profile());
  c.config.images.emplace("debian", ImageConfig{"/srv/debian"});
  return c;
}

tl::expected<JobOrder, Rejection> order(const char* body, bool has_programs = true) {
  auto request = parse_job_request(body);
  REQUIRE(request);
  return make_order(
      std::move(*request), catalog(), [](const ArtifactRef&) { return FoundArtifact{}; },
      [=](const ImageConfig&, const std::string&) { return has_programs; });
}

}  // namespace

TEST_CASE("an order carries the profile's digest, limits and environment, and the job's own variables win") {
  const auto made = order(R"({"argv": ["x"], "env": {"HOME": "/tmp", "A": "1"}, "limits": {"pids": 3}})");
  REQUIRE(made);
  CHECK(made->profile_sha256 == profile().digest);
  CHECK(made->limits.pids == 3);
  CHECK(made->limits.wall_ms == 10000);
  CHECK(made->env == std::vector<std::string>{"A=1", "HOME=/tmp", "PATH=/usr/bin"});
  CHECK(made->collect_bounds.files == 10);
}

TEST_CASE("a language becomes a file and an argv") {
  const auto made = order(R"({"language": "python", "code": "x = 1"})");
  REQUIRE(made);
  CHECK(made->argv == std::vector<std::string>{"python3", "main.py"});
  REQUIRE(made->files.size() == 1);
  CHECK(made->files[0].path == "main.py");
  CHECK(made->files[0].content == "x = 1");
}

TEST_CASE("what is not there is refused with what there is") {
  struct Row {
    const char *body, *code, *pointer, *remedy;
  };
  const auto row = GENERATE(
      Row{R"({"argv": ["x"], "profile": "nope"})", "unknown_profile", "/profile", "default"},
      Row{R"({"argv": ["x"], "image": "nope"})", "unknown_image", "/image", "debian, host"},
      Row{R"({"language": "cobol", "code": ""})", "unknown_language", "/language", "python"},
      Row{R"({"argv": ["x"], "limits": {"pids": 65}})", "limit_out_of_range", "/limits/pids", "\"pids\":64"},
      Row{R"({"argv": ["x"], "limits": {"pids": 0}})", "limit_out_of_range", "/limits/pids", ""},
      Row{R"({"argv": ["x"], "limits": {"threads": 1}})", "unknown_limit", "/limits/threads", "\"pids\":64"},
      Row{R"({"argv": ["x"], "limits": []})", "invalid_input", "/limits", ""},
      Row{R"({"argv": ["x"], "files": [{"path": "m", "artifact": {"job": "01920000-0000-7000-8000-000000000000", "path": "m"}}]})",
          "unknown_artifact", "/files/0/artifact", ""});
  INFO(row.body);
  const auto made = order(row.body);
  REQUIRE_FALSE(made);
  CHECK(made.error().status == 400);
  CHECK(made.error().code == row.code);
  REQUIRE_FALSE(made.error().errors.empty());
  CHECK(made.error().errors[0].pointer == row.pointer);
  CHECK(made.error().remedy.find(row.remedy) != std::string::npos);
}

TEST_CASE("files larger than the scratch space are refused before they are anybody's memory") {
  const std::string body =
      R"({"argv": ["x"], "limits": {"scratch_bytes": 4096}, "files": [{"path": "m", "content": ")" +
      std::string(5000, 'a') + "\"}]}";
  const auto made = order(body.c_str());
  REQUIRE_FALSE(made);
  CHECK(made.error().code == "files_too_large");
}

TEST_CASE("a language whose program the image lacks is refused") {
  const auto made = order(R"({"language": "python", "code": ""})", false);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == "language_not_in_image");
}

TEST_CASE("a client's file cannot take the place of the code") {
  const auto made = order(R"({"language": "python", "code": "", "files": [{"path": "main.py", "content": ""}]})");
  REQUIRE_FALSE(made);
  CHECK(made.error().errors[0].pointer == "/files/0/path");
}

TEST_CASE("a job has what its profile grants, or less, and never more") {
  auto all = catalog();
  auto& egress = all.profiles.at("default").egress;
  egress = {{"*.example.com", {}, {443, 8443}, EgressMode::passthrough, {}, {}, false, false}};
  const auto with = [&](const char* body) {
    auto request = parse_job_request(body);
    REQUIRE(request);
    return make_order(
        std::move(*request), all, [](const ArtifactRef&) { return FoundArtifact{}; },
        [](const ImageConfig&, const std::string&) { return true; });
  };
  CHECK(with(R"({"argv": ["x"]})")->egress == egress);
  CHECK(with(R"({"argv": ["x"], "egress": []})")->egress.empty());
  CHECK(with(R"({"argv": ["x"], "egress": null})")->egress.empty());
  CHECK(with(R"({"argv": ["x"], "egress": [{"name": "a.example.com", "ports": [443]}]})")->egress.at(0).name ==
        "a.example.com");
  const auto more = with(R"({"argv": ["x"], "egress": [{"name": "evil.example.net"}]})");
  REQUIRE_FALSE(more);
  CHECK(more.error().status == 400);
  CHECK(more.error().code == "egress_not_granted");
  CHECK(more.error().errors.at(0).pointer == "/egress/0/name");
  CHECK_FALSE(order(R"({"argv": ["x"], "egress": [{"name": "a.example.com"}]})"));
  CHECK(order(R"({"argv": ["x"]})")->egress.empty());
}
