// Promise (architecture.md, threats.md): what a job finds around it is a sandbox of its own and nothing of the host.
#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>

#include "tests/promises/instance.hpp"

using namespace cordon::test;

namespace {

std::vector<std::string> lines_with(const std::string& text, const std::string& prefix) {
  std::vector<std::string> found;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(prefix)) found.push_back(line);
  }
  return found;
}

const char* const all_profiles[] = {"default", "compile", "strict", "root-inside"};

}  // namespace

TEST_CASE("a job reads no secret of the host and writes nothing outside of its scratch", "[threat:readonly-remount]") {
  const Instance cordon;
  for (const char* profile : {"default", "compile", "strict"}) {
    auto wish = probe("read_secrets");
    wish["profile"] = profile;
    const auto job = cordon.run(wish);
    INFO(profile << ending_of(job));
    CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  }
}

TEST_CASE("a job that is root inside reads no secret of the host, and what it changes in the image is its own copy",
          "[threat:readonly-remount]") {
  const Instance cordon;
  auto wish = probe("read_secrets");
  wish["profile"] = "root-inside";
  const auto job = cordon.run(wish);
  const auto out = job.at("stdout").get<std::string>();
  INFO(out);
  CHECK(lines_with(out, "read ").empty());
  CHECK(lines_with(out, "wrote ") ==
        std::vector<std::string>{"wrote /usr/bin/owned", "wrote /etc/owned", "wrote /bin/owned", "wrote /owned"});
  for (const auto& line : lines_with(out, "saw into ")) CHECK(line == "saw into /var");  // its own, empty directories
  for (const char* path : {"/usr/bin/owned", "/etc/owned", "/owned"}) CHECK_FALSE(std::filesystem::exists(path));
  const auto next = cordon.run({{"profile", "root-inside"}, {"argv", Json::array({"cat", "/usr/bin/owned"})}});
  CHECK(next.at("outcome").at("code") == 1);
}

TEST_CASE("a job reaches no network and gets no socket but unix, inet and inet6", "[threat:socket-families]") {
  const Instance cordon;
  for (const char* profile : all_profiles) {
    auto wish = probe("sockets");
    wish["profile"] = profile;
    const auto job = cordon.run(wish);
    INFO(profile << ending_of(job));
    CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
  }
}

TEST_CASE("a tool finds itself without rights, without descriptors but three, and with the environment of its profile",
          "[threat:leaked-fd]") {
  const Instance cordon;
  auto wish = probe("look_around");
  wish["env"]["MINE"] = "yes";
  const auto job = cordon.run(wish);
  const auto out = job.at("stdout").get<std::string>();
  INFO(out);
  CHECK(lines_with(out, "uids ") == std::vector<std::string>{"uids 1000 1000 1000"});
  CHECK(lines_with(out, "fd ") == std::vector<std::string>{"fd 0", "fd 1", "fd 2"});
  CHECK(lines_with(out, "core ") == std::vector<std::string>{"core 1 1"});
  CHECK(lines_with(out, "NoNewPrivs:") == std::vector<std::string>{"NoNewPrivs:\t1"});
  CHECK(lines_with(out, "Seccomp:") == std::vector<std::string>{"Seccomp:\t2"});
  for (const auto& line : lines_with(out, "Cap")) CHECK(line.ends_with("\t0000000000000000"));
  CHECK(lines_with(out, "Cap").size() == 5);
  CHECK(lines_with(out, "env MINE") == std::vector<std::string>{"env MINE=yes"});
  CHECK(lines_with(out, "env CORDON").empty());
  CHECK(lines_with(out, "env USER").empty());
}

TEST_CASE("two live jobs share no host uid, no files, no processes and no abstract sockets", "[threat:shared-ipc]") {
  const Instance cordon;
  const std::string listen =
      "import os,socket,time\nopen('/tmp/mark','w').write('x'); open('/dev/shm/mark','w').write('x')\n"
      "s=socket.socket(socket.AF_UNIX); s.bind('\\0meet'); s.listen(); print(len(os.listdir('/tmp')), flush=True); "
      "time.sleep(3)";
  const Json wish{{"argv", Json::array({"python3", "-c", listen})}};
  const auto first = cordon.submit(wish).at("id").get<std::string>();
  REQUIRE(eventually([&] { return cordon.get("/v1/jobs/" + first + "/stdout").body == "1\n"; }));
  const std::string look =
      "import os,socket\nprint(os.path.exists('/tmp/mark'), os.path.exists('/dev/shm/mark'))\n"
      "s=socket.socket(socket.AF_UNIX)\ntry:\n s.connect('\\0meet'); print('met')\nexcept OSError: print('alone')\n"
      "print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit())[-1] < 10)";
  const auto second = cordon.run({{"argv", Json::array({"python3", "-c", look})}});
  CHECK(second.at("stdout") == "False False\nalone\nTrue\n");
  CHECK(cordon.finished(first).at("outcome").at("kind") == "exited");
}

TEST_CASE("every report says what the kernel enforces, and all of a kind say the same", "[threat:missing-filter]") {
  const Instance cordon;
  const auto first = cordon.run({{"argv", Json::array({"true"})}});
  const auto second = cordon.run({{"language", "python"}, {"code", "pass"}});
  INFO(first.at("enforced").dump(2));
  CHECK(first.at("enforced").size() > 10);
  CHECK(first.at("enforced").contains("cgroup.layout"));
  CHECK(first.at("enforced").at("seccomp.sha256") == second.at("enforced").at("seccomp.sha256"));
  std::vector<std::string> one, other;
  for (const auto& [control, fact] : first.at("enforced").items()) one.push_back(control);
  for (const auto& [control, fact] : second.at("enforced").items()) other.push_back(control);
  CHECK(one == other);
}

TEST_CASE("ordinary programs work: python, node, bash, a compiler") {
  const Instance cordon;
  const char* programs[] = {
      "python3 -c 'import multiprocessing,ssl,sqlite3,threading,json; "
      "p=multiprocessing.Process(target=print,args=(1,)); p.start(); p.join()'",
      "node -e 'const {Worker}=require(\"worker_threads\"); console.log(1)'",
      "for i in $(seq 20); do echo $i | cat >/dev/null & done; wait; echo 1",
      "printf 'int main(void){return 0;}' >a.c && cc -o a a.c && ./a && echo 1",
      "mkfifo f; (echo 1 >f &); cat f",
      "date >/dev/null && id -u >/dev/null && ls -la / /usr /etc >/dev/null && echo 1"};
  for (const char* program : programs) {
    Json wish{{"argv", Json::array({"bash", "-c", program})}, {"profile", "compile"}};
    const auto job = cordon.run(wish);
    INFO(program << "\n" << ending_of(job));
    CHECK(job.at("outcome") == Json({{"kind", "exited"}, {"code", 0}}));
    CHECK(job.at("stdout") == "1\n");
  }
}

TEST_CASE("a launcher in a chroot does not begin, and says what it needs instead") {
  const std::vector<std::string> launcher{"unshare",
                                          "--mount",
                                          "--propagation",
                                          "private",
                                          "sh",
                                          "-c",
                                          "mount --rbind / /mnt && exec chroot /mnt \"$0\" \"$@\"",
                                          CORDON_BIN_DIR "/cordon-launcher"};
  std::string said;
  try {
    Instance cordon(Json::object(), launcher);
  } catch (const std::runtime_error& e) {
    said = e.what();
  }
  CHECK_THAT(said, Catch::Contains("images in a chroot") && Catch::Contains("pivot_root(2)"));
}
