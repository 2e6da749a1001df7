// Promise (decisions.md, "root-inside"): a job that is root of its own user namespace can install things for itself,
// and is nobody on the host.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

Json root_job(const std::string& script) {
  return {{"profile", "root-inside"}, {"argv", Json::array({"sh", "-c", "set -e\n" + script})}};
}

const Json exited_0{{"kind", "exited"}, {"code", 0}};

}  // namespace

TEST_CASE("root inside has five capabilities over one id, and its report says so", "[threat:leftover-groups]") {
  const Instance cordon;
  const auto job = cordon.run(root_job("id -u; id -g; grep Cap /proc/self/status"));
  INFO(ending_of(job));
  CHECK(job.at("stdout") ==
        "0\n0\nCapInh:\t00000000000000cb\nCapPrm:\t00000000000000cb\nCapEff:\t00000000000000cb\n"
        "CapBnd:\t00000000000000cb\nCapAmb:\t00000000000000cb\n");
  const auto& enforced = job.at("enforced");
  CHECK(enforced.at("capabilities.CapEff") == "00000000000000cb");
  CHECK(enforced.at("uid_map").get<std::string>().starts_with("0 "));
  CHECK(enforced.at("uid_map").get<std::string>().ends_with(" 1"));
  CHECK(enforced.at("uid").get<std::string>().find(" 0") == std::string::npos);
}

TEST_CASE("pip installs a package for root inside, and it is gone with the job") {
  const Instance cordon;
  const auto job =
      cordon.run(root_job("mkdir -p p/hello_cordon && echo 'answer = 42' >p/hello_cordon/__init__.py\n"
                          "printf 'from setuptools import setup\\nsetup(name=\"hello-cordon\", version=\"1\", "
                          "packages=[\"hello_cordon\"])\\n' >p/setup.py\n"
                          "/usr/bin/python3 -m pip install --no-index --no-build-isolation --quiet ./p\n"
                          "cd / && /usr/bin/python3 -c 'import hello_cordon; print(hello_cordon.answer)'"));
  INFO(ending_of(job));
  CHECK(job.at("outcome") == exited_0);
  CHECK(job.at("stdout") == "42\n");
  const auto next = cordon.run(
      {{"profile", "root-inside"}, {"argv", Json::array({"/usr/bin/python3", "-c", "import hello_cordon"})}});
  CHECK(next.at("outcome").at("code") == 1);
}

TEST_CASE("npm installs a program for root inside") {
  const Instance cordon;
  const auto job = cordon.run(root_job(
      "mkdir n && printf '{\"name\":\"hello-cordon\",\"version\":\"1.0.0\",\"bin\":{\"hello-cordon\":\"h.js\"}}' "
      ">n/package.json\n"
      "printf '#!/usr/bin/env node\\nconsole.log(6*7)\\n' >n/h.js\n"
      "npm install -g --offline --no-audit --no-fund ./n >/dev/null && hello-cordon"));
  INFO(ending_of(job));
  CHECK(job.at("outcome") == exited_0);
  CHECK(job.at("stdout") == "42\n");
}

TEST_CASE("dpkg --root unpacks and configures a package for root inside, and its files belong to root") {
  const Instance cordon;
  const auto job = cordon.run(
      root_job("mkdir -p d/DEBIAN d/usr/share/hello && echo hi >d/usr/share/hello/x\n"
               "printf 'Package: hello\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: x\\n' "
               ">d/DEBIAN/control\n"
               "dpkg-deb --build d hello.deb >/dev/null\n"
               "mkdir -p r/var/lib/dpkg/info r/var/lib/dpkg/updates && touch r/var/lib/dpkg/status\n"
               "dpkg --root=/work/r -i hello.deb >/dev/null\n"
               "dpkg --root=/work/r -s hello | grep Status; stat -c %u:%g r/usr/share/hello/x"));
  INFO(ending_of(job));
  CHECK(job.at("outcome") == exited_0);
  CHECK(job.at("stdout") == "Status: install ok installed\n0:0\n");
}

TEST_CASE("root inside changes its image only for itself, and owns nothing that it did not make",
          "[threat:readonly-remount]") {
  struct stat before {};
  struct stat after {};
  REQUIRE(::stat("/usr/bin/true", &before) == 0);
  const Instance cordon;
  const auto job = cordon.run({{"profile", "root-inside"},
                               {"argv", Json::array({"sh", "-c",
                                                     "touch /usr/bin/mine && rm /usr/bin/true && echo changed\n"
                                                     "echo x >>/usr/bin/env || echo kept\n"
                                                     "chmod 4777 /usr/bin/env || echo kept\n"
                                                     "chown 0:0 /usr/bin/env || echo kept\n"
                                                     "chown 1:1 /usr/bin/mine || echo refused\n"
                                                     "ls -A /usr/libexec/cordon | grep . || echo empty"})}});
  INFO(ending_of(job));
  CHECK(job.at("stdout") == "changed\nkept\nkept\nkept\nrefused\nempty\n");
  REQUIRE(::stat("/usr/bin/true", &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  CHECK(before.st_ctim.tv_sec == after.st_ctim.tv_sec);
  CHECK(::access("/usr/bin/mine", F_OK) != 0);
}

TEST_CASE("what root inside writes into its image counts against its scratch", "[threat:bombs]") {
  const Instance cordon;
  auto job = root_job("head -c 100000000 /dev/zero >/usr/share/big || echo full");
  job["limits"] = {{"scratch_bytes", 16 << 20}};
  const auto report = cordon.run(job);
  INFO(ending_of(report));
  CHECK(report.at("stdout") == "full\n");
}

TEST_CASE("root inside cannot mount, make namespaces, change the root, the host's name, its clock or its routes",
          "[threat:dangerous-calls]") {
  const Instance cordon;
  const auto job = cordon.run(
      {{"profile", "root-inside"},
       {"argv", Json::array({"sh", "-c",
                             "for c in 'mount -t tmpfs x /mnt' 'umount /work' 'unshare -m true' 'unshare -U true' "
                             "'unshare -n true' 'chroot / true' 'hostname owned' 'date -s 2001-01-01' "
                             "'ip link set lo down' 'mknod /tmp/d b 8 0' 'mknod /tmp/c c 1 1' 'nice -n -5 true' "
                             "'setpriv --reuid=1 true' 'setpriv --groups=0,1 true' 'renice -5 1' 'kill -9 1'\n"
                             "do $c >/dev/null 2>&1 && echo \"GOT THROUGH: $c\"; done; echo done"})}});
  INFO(ending_of(job));
  // nice(1) runs its program at the old niceness when it may not lower it (nice(1)): its success says nothing.
  CHECK(job.at("stdout") == "GOT THROUGH: nice -n -5 true\ndone\n");
}
