// Promise (threats.md, "a root daemon follows a path the job controls"): whatever a job leaves behind and however it is
// asked for, artifacts are regular files of the job's own, whole and with their digest, and the rest is listed with a
// reason. No byte of the host is among them.
#include <catch2/catch.hpp>
#include <set>
#include <sstream>

#include "tests/promises/artifact_download.hpp"
#include "tests/promises/image_tree.hpp"

using namespace cordon::test;

namespace {

const char* const profiles_with_links[] = {"default", "compile", "root-inside"};  // strict has no call that makes one

std::string about(const Json& job) {
  return ending_of(job) + job.at("skipped").dump(1) + job.at("artifacts").dump(1);
}

bool ended_well(const Json& job) {
  return job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}});
}

// Lines that only files of the host have: the canary's secret, and root's of the host's /etc/passwd.
bool is_of_the_host(const std::string& bytes) {
  return bytes.find(ImageTree::secret()) != std::string::npos || bytes.find("root:x:0:0:root:/root:") != bytes.npos ||
         bytes.find("root:*:") != bytes.npos;
}

std::set<std::string> lines_of(const Json& job) {
  std::set<std::string> lines;
  std::istringstream out(job.at("stdout").get<std::string>());
  for (std::string line; std::getline(out, line);) lines.insert(line);
  return lines;
}

constexpr const char* refused = "not a regular file";

}  // namespace

TEST_CASE("a race of files with links until the kill brings no byte of the host into the artifacts",
          "[threat:followed-path]") {
  const ImageTree host;
  const auto before = host.digest();
  const Instance cordon;
  for (const char* profile : profiles_with_links) {
    for (int round = 0; round < 8; ++round) {
      auto wish = probe("swap_links", {(host.canary() / "secret").string(), host.canary().string()});
      wish["profile"] = profile;
      wish["collect"] = {"out/*", "out/dir/**", "out/*/secret", "**/passwd"};
      const auto job = cordon.run(wish);
      INFO(profile << about(job));
      REQUIRE(ended_well(job));
      const auto artifacts = download_artifacts(cordon, job);
      CHECK(artifacts.size() == 9);  // eight files and the one of the directory, by whatever names they ended
      for (const auto& [path, bytes] : artifacts) {
        CHECK_FALSE(is_of_the_host(bytes));
        CHECK(bytes == "mine");
      }
      std::size_t links = 0;
      for (const auto& [path, reason] : skipped_of(job)) links += reason == refused ? 1 : 0;
      CHECK(links == 9);
    }
  }
  CHECK(host.digest() == before);
}

TEST_CASE("files of the image, devices, FIFOs, sockets and links are no artifacts, however a job tries to make them so",
          "[threat:followed-path]") {
  const ImageTree host;
  const Instance cordon;
  const auto code = R"(
import os, socket, stat, ctypes, fcntl, struct
os.mkdir('out')
def held(what, attempt):
    try: attempt(); print('GOT THROUGH:', what)
    except OSError as e: print('held:', what)
held('a hard link to a program', lambda: os.link('/usr/bin/env', 'out/env'))
held('a hard link to the passwd of the image', lambda: os.link('/etc/passwd', 'out/passwd'))
held('a hard link to a file of proc', lambda: os.link('/proc/self/environ', 'out/environ'))
held('a hard link to a device', lambda: os.link('/dev/zero', 'out/zero'))
held('a link of an open program', lambda: os.link('/proc/self/fd/%d' % os.open('/usr/bin/env', os.O_RDONLY), 'out/fd', follow_symlinks=True))
held('a character device', lambda: os.mknod('out/chr', stat.S_IFCHR | 0o666, os.makedev(1, 5)))
held('a block device', lambda: os.mknod('out/blk', stat.S_IFBLK | 0o666, os.makedev(254, 0)))
held('an immutable file', lambda: fcntl.ioctl(os.open('out/fixed', os.O_CREAT | os.O_RDWR), 0x40086602, struct.pack('l', 0x10)))
held('a file of another', lambda: os.chown('out/fixed', 0, 0))
held('a mount', lambda: ctypes.CDLL(None, use_errno=True).mount(b'/etc', b'out', None, 4096, None) and exec('raise OSError()'))
os.mkfifo('out/fifo')
s = socket.socket(socket.AF_UNIX); s.bind('out/socket'); s.listen()
for name, target in {'absolute': '%s', 'passwd': '/etc/passwd', 'up': '../../../../../../../../etc/passwd', 'itself': 'itself',
                     'proc': '/proc/self/root/etc/passwd', 'zero': '/dev/zero', 'tty': '/dev/tty', 'fd': '/proc/self/fd/0',
                     'directory': '/etc', 'here': '.', 'above': '..', 'fine': 'real'}.items():
    os.symlink(target, 'out/' + name)
open('out/real', 'w').write('real')
os.link('out/real', 'out/hard')
os.mkdir('out/locked'); open('out/locked/in', 'w').write('x'); os.chmod('out/locked', 0)
open('out/closed', 'w').write('x'); os.chmod('out/closed', 0)
open('out/write-only', 'w').write('x'); os.chmod('out/write-only', 0o222)
open('out/replaced', 'w').write('x'); os.unlink('out/replaced'); os.mkdir('out/replaced'); open('out/replaced/in', 'w').write('in')
open('out/setuid', 'w').write('x'); os.chmod('out/setuid', 0o7755)
)";
  auto text = std::string(code);
  text.replace(text.find("%s'"), 2, (host.canary() / "secret").string());
  const auto job = cordon.run(python(text, {"out/*", "out/*/*", "out/directory/*", "**/in", "out/here/**"}));
  INFO(about(job));
  REQUIRE(ended_well(job));
  const auto lines = lines_of(job);
  for (const char* what : {"a hard link to a program", "a hard link to the passwd of the image",
                           "a hard link to a file of proc", "a hard link to a device", "a link of an open program",
                           "a character device", "a block device", "an immutable file", "a file of another", "a mount"})
    CHECK(lines.contains(std::string("held: ") + what));
  const auto artifacts = download_artifacts(cordon, job);
  const std::map<std::string, std::string> expected{
      {"out/fixed", ""}, {"out/real", "real"}, {"out/hard", "real"}, {"out/replaced/in", "in"}, {"out/setuid", "x"}};
  CHECK(artifacts == expected);
  const auto skipped = skipped_of(job);
  for (const char* name : {"fifo", "socket", "absolute", "passwd", "up", "itself", "proc", "zero", "tty", "fd",
                           "directory", "here", "above", "fine"}) {
    INFO(name);
    CHECK(skipped.at(std::string("out/") + name) == refused);
  }
  for (const char* name : {"closed", "write-only", "locked"}) {
    INFO(name);
    CHECK(skipped.at(std::string("out/") + name) == "Permission denied");
  }
}

TEST_CASE("artifacts of any name come out with their path, octet for octet, and can be fetched by it",
          "[threat:followed-path]") {
  const Instance cordon;
  const std::vector<std::string> names{"new\nline",
                                       "esc\x1b[2J\x1b]0;title\x07",
                                       "\xff\xfe\x80 not utf-8",
                                       "-rf",
                                       "--",
                                       "...",
                                       "..x",
                                       "..\xff",
                                       " ",
                                       "tab\there",
                                       "\r\nSet-Cookie: a=b",
                                       "%2e%2e",
                                       "%00",
                                       "back\\slash",
                                       "..\\..\\etc",
                                       "quote\"'`$(id)",
                                       "?#&=;",
                                       "*",
                                       "[a]",
                                       "~",
                                       "\xe2\x80\xae rtl",
                                       "C:",
                                       std::string(255, 'n'),
                                       std::string(255, '\xf0')};
  std::string code = "import os\nos.mkdir('odd')\n";
  for (const auto& name : names) {
    std::string bytes;
    for (const unsigned char c : name) bytes += std::to_string(c) + ",";
    code += "open(b'odd/'+bytes([" + bytes + "]),'wb').write(bytes([" + bytes + "]))\n";
  }
  const auto job = cordon.run(python(code, {"odd/*", "odd/.*"}));
  INFO(about(job));
  REQUIRE(ended_well(job));
  const auto artifacts = download_artifacts(cordon, job);
  for (const auto& name : names) {
    INFO(name);
    const auto found = artifacts.find("odd/" + name);
    REQUIRE(found != artifacts.end());
    CHECK(found->second == name);
  }
  CHECK(artifacts.size() == names.size());
  CHECK(job.at("skipped").empty());
}

TEST_CASE("what a client may ask to collect stays below /work, or the job is refused", "[threat:followed-path]") {
  const ImageTree host;
  const Instance cordon;
  for (const char* glob :
       {"../../etc/passwd", "..", ".", "/etc/*", "/", "", "a//b", "./a", "a/../../b", "a/./b", "*/.."}) {
    INFO(glob);
    const auto answer = cordon.post(python("pass", Json::array({glob})));
    CHECK(answer.status == 400);
    CHECK(answer.json().at("errors").at(0).at("pointer") == "/collect/0");
  }
  auto wish = python(
      "import os; os.symlink('/etc','etc'); os.symlink('/','root'); os.symlink('.','loop'); "
      "os.makedirs('a/b'); os.symlink('../..','a/b/c'); open('mine','w').write('mine')",
      {"**", "etc/*", "root/etc/passwd", "loop/loop/mine", "**/passwd", "[.][.]/*", ".*", ".*/*", "?tc/*"});
  const auto job = cordon.run(wish);
  INFO(about(job));
  REQUIRE(ended_well(job));
  CHECK(download_artifacts(cordon, job) == std::map<std::string, std::string>{{"mine", "mine"}});
  for (const auto& [path, reason] : skipped_of(job)) CHECK(reason == refused);
}

TEST_CASE("a file that is being written and mapped when its job is killed is an artifact with the digest of its bytes",
          "[threat:followed-path]") {
  const Instance cordon;
  const auto writer = R"(
import mmap, os, threading
os.mkdir('out')
def fill(n):
    f = open('out/%d' % n, 'w+b'); f.truncate(1 << 20); m = mmap.mmap(f.fileno(), 1 << 20)
    while 1:
        for at in range(0, 1 << 20, 4096): m[at:at + 8] = os.urandom(8)
def grow():
    f = open('out/growing', 'wb')
    while f.tell() < 16 << 20: f.write(os.urandom(4096)); f.flush()
    while 1: f.truncate(0); f.seek(0); f.write(bytes(65536)); f.flush()
for n in range(4):
    if os.fork() == 0: fill(n)
if os.fork() == 0: grow()
while 1: pass
)";
  for (const int wall_ms : {400, 700}) {
    auto wish = python(writer, {"out/*"});
    wish["limits"] = {{"wall_ms", wall_ms * slowness()}};
    const auto job = cordon.run(wish);
    INFO(about(job));
    CHECK(job.at("outcome").at("kind") == "timed_out");
    const auto artifacts = download_artifacts(cordon, job);
    CHECK(artifacts.contains("out/growing"));
    for (const auto& [path, bytes] : artifacts) CHECK(bytes.size() <= (17U << 20));
    CHECK(job.at("skipped").empty());
  }
}
