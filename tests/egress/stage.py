"""One instance of Cordon with egress, in a network of its own that leads to the fake internet and to nothing else.

Everything runs in a network namespace that this process has entered: the launcher, cordond, cordon-egress, the wall. A
veth pair leads to the namespace of tests/egress/fake_internet.py. The machine's own network is not touched, and nothing
that is sent here can leave it.
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
RESOLVER = "9.9.9.9"  # where fake_internet.py answers
FAR_END, NEAR_END = "11.0.0.2", "11.0.0.1"  # the two ends of the line
CONGESTION = "/proc/sys/net/ipv4/tcp_congestion_control"  # reno is in every kernel; the host's own may pace what is sent


def run(*words):
    subprocess.run(words, check=True, capture_output=True)


class OverUnix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("cordon", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect(self.path)


class Stage:
    def __init__(self, bin_dir):
        self.bin = bin_dir
        self.directory = tempfile.mkdtemp(prefix="cordon-egress-test-")
        os.chmod(self.directory, 0o755)
        self.processes, self.logs = {}, {}
        self.profiles = {}

    # The network

    def enter_network(self):
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), "unshare")
        pathlib.Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
        pathlib.Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        pathlib.Path(CONGESTION).write_text("reno")
        run("ip", "link", "set", "lo", "up")

    def start_internet(self):
        self.internet_directory = self.directory + "/internet"
        os.mkdir(self.internet_directory)
        self.internet = subprocess.Popen(
            ["unshare", "--net", "--kill-child", "sh", "-c",
             f"echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; echo reno >{CONGESTION}; read there; ip link set lo up; "
             f"ip address add {FAR_END}/24 dev far; ip link set far up; ip route add table local 11.0.0.0/24 dev far; "
             "ip route add local 0.0.0.0/0 dev lo; exec python3 \"$@\"",
             "sh", str(HERE / "fake_internet.py"), "far", self.internet_directory],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.processes["internet"] = self.internet
        time.sleep(0.3)
        child = subprocess.run(["pgrep", "-P", str(self.internet.pid)], capture_output=True, text=True).stdout.split()
        pid = self.internet_pid = child[0] if child else str(self.internet.pid)
        run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", pid)
        run("ip", "address", "add", f"{NEAR_END}/24", "dev", "near")
        run("ip", "link", "set", "near", "up")
        run("ip", "route", "add", "default", "via", FAR_END)
        self.internet.stdin.write("go\n")
        self.internet.stdin.flush()
        if self.internet.stdout.readline() != "{}\n":
            raise RuntimeError("the fake internet did not begin")

    def ask_internet(self, **command):
        self.internet.stdin.write(json.dumps(command) + "\n")
        self.internet.stdin.flush()
        return json.loads(self.internet.stdout.readline())

    def name(self, name, *addresses, **more):
        self.ask_internet(do="name", name=name, A=[list(addresses)], **more)

    # The instance

    def profile(self, name, egress, **more):
        text = json.loads((SOURCE / "profiles/data/default.json").read_text())
        text.pop("prestart", None)
        text.update(more)
        if egress is not None:
            text["egress"] = egress
        os.makedirs(self.directory + "/profiles", exist_ok=True)
        pathlib.Path(f"{self.directory}/profiles/{name}.json").write_text(json.dumps(text))

    def tool(self, name, **definition):
        os.makedirs(self.directory + "/tools", mode=0o755, exist_ok=True)
        text = {"version": "1", "owner": "tests", "why": "tests", "side_effects": "external", **definition}
        pathlib.Path(f"{self.directory}/tools/{name}.json").write_text(json.dumps(text))

    def start(self, config=None):
        os.makedirs(self.directory + "/bin")
        os.makedirs(self.directory + "/profiles", exist_ok=True)
        for program in ("cordond", "cordon-ledger", "cordon-egress"):
            shutil.copy2(f"{self.bin}/{program}", self.directory + "/bin/")
        for file in (SOURCE / "profiles/data").iterdir():
            if not os.path.exists(f"{self.directory}/profiles/{file.name}"):
                shutil.copy(file, self.directory + "/profiles/")
        self.config = self.directory + "/cordon.json"
        settings = {"profile_dirs": [self.directory + "/profiles"], "tool_dirs": [self.directory + "/tools"], "warm": {},
                    "evidence": "off", "egress": {"resolvers": [RESOLVER]}}
        settings.update(config or {})
        pathlib.Path(self.config).write_text(json.dumps(settings))
        self.runtime = self.directory + "/run"
        self.begin("launcher", [f"{self.bin}/cordon-launcher", "--private", "--runtime-dir", self.runtime, "--state-dir",
                                self.directory + "/state", "--config", self.config])
        self.ids = dict(line.split("=") for line in pathlib.Path(self.runtime + "/instance.env").read_text().split())
        self.raise_wall()
        self.start_ledger()
        self.start_egress()
        self.start_daemon()

    def begin(self, name, command):
        read, write = os.pipe()
        self.logs[name] = open(f"{self.directory}/{name}.log", "ab")
        process = subprocess.Popen(command + ["--ready-fd", str(write)], pass_fds=[write], stdin=subprocess.DEVNULL,
                                   stdout=self.logs[name], stderr=self.logs[name], start_new_session=True)
        os.close(write)
        self.processes[name] = process
        ready = os.read(read, 1)
        os.close(read)
        if not ready:
            raise RuntimeError(f"{name} did not become ready:\n{self.log(name)}")

    def log(self, name):
        return pathlib.Path(f"{self.directory}/{name}.log").read_text(errors="replace")

    def wall(self, *more):
        run(f"{self.bin}/cordon-egress-wall", "--config", self.config, "--instance", self.ids["INSTANCE"], "--uid",
            self.ids["EGRESS_UID"], *more)

    def nft(self, commands):
        """By the library that cordon-egress-wall uses; in a process of its own, which ends with what it has allocated."""
        code = "import ctypes, sys\nnft = ctypes.CDLL('libnftables.so.1')\nnft.nft_ctx_new.restype = ctypes.c_void_p\n" \
               "sys.exit(nft.nft_run_cmd_from_buffer(ctypes.c_void_p(nft.nft_ctx_new(0)), sys.argv[1].encode()))"
        run(sys.executable, "-c", code, commands)

    def check_wall(self):
        """What --check says, and its exit code."""
        ran = subprocess.run([f"{self.bin}/cordon-egress-wall", "--config", self.config, "--instance", self.ids["INSTANCE"],
                              "--uid", self.ids["EGRESS_UID"], "--check"], capture_output=True, text=True)
        return ran.returncode, ran.stdout + ran.stderr

    def doctor(self):
        """The rows about egress, by name."""
        ran = subprocess.run([f"{self.bin}/cordon", "--runtime-dir", self.runtime, "doctor", "--no-canary", "--json",
                              "--config", self.config, "--state-dir", self.directory + "/state"],
                             capture_output=True, text=True)
        return {row["name"]: row for row in json.loads(ran.stdout)["findings"] if row["name"].startswith("egress")}

    def cordon(self, *words):
        """The command, and what it says."""
        return subprocess.run([f"{self.bin}/cordon", "--runtime-dir", self.runtime, *words], capture_output=True, text=True)

    def raise_wall(self):
        self.wall()

    def start_ledger(self):
        """Where the configuration has evidence."""
        uid = self.ids.get("LEDGER_UID")
        if uid is None:
            return
        self.begin("cordon-ledger", ["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "--inh-caps=-all",
                                     "--bounding-set=-all", "--no-new-privs", self.directory + "/bin/cordon-ledger",
                                     "--runtime-dir", self.runtime, "--state-dir", self.directory + "/state",
                                     "--daemon-uid", self.ids["DAEMON_UID"]])

    def start_egress(self):
        self.begin("cordon-egress", [self.directory + "/bin/cordon-egress", "--socket", self.runtime + "/egress.sock",
                                     "--watcher-uid", self.ids["DAEMON_UID"], "--uid", self.ids["EGRESS_UID"], "--gid",
                                     self.ids["EGRESS_GID"], "--resolver", RESOLVER])

    def start_daemon(self):
        ids = self.ids
        self.begin("cordond", ["setpriv", "--reuid", ids["DAEMON_UID"], "--regid", ids["DAEMON_GID"], "--groups",
                               ids["AGENT_GID"] + "," + ids["OPERATOR_GID"], "--inh-caps=-all", "--bounding-set=-all",
                               "--no-new-privs", self.directory + "/bin/cordond", "--runtime-dir", self.runtime,
                               "--state-dir", self.directory + "/state", "--config", self.config, "--agent-gid",
                               ids["AGENT_GID"], "--operator-gid", ids["OPERATOR_GID"]])

    def end(self, name, how=signal.SIGTERM):
        process = self.processes.pop(name)
        process.send_signal(how)
        return process.wait(timeout=30)

    def request(self, method, target, body=None, operator=False):
        connection = OverUnix(f"{self.runtime}/{'operator' if operator else 'agent'}.sock")
        text = json.dumps(body) if body is not None else None
        connection.request(method, target, text, {"Content-Type": "application/json"} if text else {})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, json.loads(text) if text.startswith(("{", "[")) else text

    def job(self, argv, profile="web", **more):
        status, answer = self.request("POST", "/v1/jobs", {"argv": argv, "profile": profile, "wait": True, **more})
        if status != 200:
            raise RuntimeError(f"{status} {answer}")
        return answer

    def certificate(self):
        return {"path": "ca.pem", "content": pathlib.Path(self.internet_directory + "/cert.pem").read_text()}

    def close(self):
        """Ends what was started, in order; what does not end by itself is killed, and said."""
        if "internet" in self.processes:
            self.processes["internet"].stdin.close()  # its end of file is its end
        for name, process in [(n, self.processes[n]) for n in ("cordond", "cordon-egress", "launcher", "cordon-ledger", "internet")
                              if n in self.processes]:
            if name != "internet":
                process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                print(f"{name} did not end", file=sys.stderr)
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
