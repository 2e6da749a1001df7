#!/usr/bin/python3
"""Promises of egress, end to end: real jobs, the real launcher, cordond, cordon-egress and packet filter, and an
internet that counts every byte. As root; usage: from_the_sandbox.py BIN_DIR [WORD]: only tests with WORD in their name.
"""
import errno
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

from scene import SERVER, WEB, curl, expect, play, reached, sent, stage, went_well
from stage import FAR_END, RESOLVER, run

TALK = """
import socket, sys
for where in sys.argv[1:]:
    kind, address, port = where.split('/')
    try:
        if kind == 'udp':
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.3)
            s.sendto(b'x', (address, int(port))); s.recv(1)
        else:
            s = socket.create_connection((address, int(port)), 2); s.sendall(b'hello'); s.settimeout(2)
            print(where, 'got', len(s.recv(100)))
    except OSError as e:
        print(where, type(e).__name__, e.errno)
"""


ASK = """
import socket, struct, sys
hosts = dict(reversed(line.split()[:2]) for line in open('/etc/hosts') if line.startswith('198.'))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.connect(('198.18.0.1', 53))
for name in sys.argv[1:]:
    s.send(struct.pack('>6H', 7, 0x100, 1, 0, 0, 0) + b''.join(bytes([len(l)]) + l.encode() for l in name.split('.')) + b'\\0\\0\\1\\0\\1')
    said = socket.inet_ntoa(s.recv(512)[-4:])
    print(name, said)
    assert said == hosts[name], (said, hosts)
"""


def test_plain_http_and_names_under_a_wildcard_are_reached():
    expect(curl("http://plain.example.net/")["stdout"] == "hello\n", "plain HTTP")
    expect(curl("https://a.wild.example.com/", "-k")["stdout"] == "hello\n", "a wildcard")


def test_the_wall_is_nobody_elses():
    # Who closes first answers the other's end when its own socket is gone: that packet is nobody's, and must pass.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(20):
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
            client.close()
            expect(server.recv(1) == b"", "an end")
            server.close()
    for _ in range(60):
        lines = [line.split() for line in pathlib.Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
        last_ack = [line for line in lines if line[1].startswith("0100007F:") and line[3] == "09"]
        if not last_ack:
            return
        time.sleep(0.05)
    raise AssertionError(f"their ends are not answered: {last_ack}")


def test_exact_names_are_in_the_hosts_file_of_each_job():
    code = "hosts = open('/etc/hosts').read()\nprint(hosts)\ntry: open('/etc/hosts', 'a')\nexcept OSError as e: print(e.errno)"
    granted = {"www.example.com", "echo.example.com", "plain.example.net"}
    for egress, names in ({}, granted), ({"egress": [{"name": "www.example.com"}]}, {"www.example.com"}), ({"egress": []}, set()):
        *lines, last = stage.job(["python3", "-c", code], **egress)["stdout"].split("\n")[:-1]
        expect(last in (str(errno.EROFS), str(errno.EACCES)), last)
        of_grants = [line.split() for line in lines if line.startswith("198.18.")]
        expect({name for _, name in of_grants} == names and len({at for at, _ in of_grants}) == len(names), str(lines))
        expect(lines[:2] == ["127.0.0.1 localhost cordon", "::1 localhost cordon"], str(lines))
    # They are what the resolver says, which is asked without the file.
    job = stage.job(["python3", "-c", ASK, *sorted(granted)])
    expect(job["outcome"] == {"kind": "exited", "code": 0} and job["stdout"].count("198.18.") == len(granted), job)


def test_a_job_that_asks_for_no_grant_has_no_way_at_all():
    # Of a profile that grants: no route, as without a network, and what it tries is counted as that.
    stage.ask_internet(do="forget")
    code = f"import socket\nfor kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:\n" \
           f"  for at in ('198.18.0.1', 53), ('198.18.0.2', 443), ('{SERVER}', 443):\n" \
           "    try: socket.socket(socket.AF_INET, kind).connect(at); print('connected')\n    except OSError as e: print(e.errno)"
    job = stage.job(["python3", "-c", code], egress=[])
    expect(job["stdout"] == f"{errno.ENETUNREACH}\n" * 6, job)
    expect([d["count"] for d in job["denials"] if d["control"] == "network"] == [6], job["denials"])
    expect(job["network"] == [] and not [name for name in job["enforced"] if name.startswith("egress.")], job)
    expect(stage.ask_internet(do="counts")["packets"] == {}, "GOT THROUGH")


def test_root_inside_has_its_hosts_too_and_cannot_replace_them():
    code = "import os\nfor f in (lambda: open('/etc/hosts', 'a'), lambda: os.replace('/tmp/h', '/etc/hosts'), lambda: os.remove('/etc/hosts')):\n" \
           "  open('/tmp/h', 'w')\n  try: f()\n  except OSError: print('refused')\nprint(open('/etc/hosts').read())"
    told = stage.job(["python3", "-c", code], profile="root")["stdout"]
    expect(told.count("refused") == 3 and " www.example.com\n" in told, told)


def test_the_hosts_file_takes_nothing_of_the_scratch_and_gives_nothing_to_it():
    code = "n = 0\ntry:\n  with open('/work/f', 'wb', 0) as f:\n    while True: n += f.write(bytes(4096))\nexcept OSError: print(n)"
    for profile in ("web", "none"):
        job = stage.job(["python3", "-c", code], profile=profile, limits={"scratch_bytes": 1 << 20})
        expect(job["stdout"] == f"{1 << 20}\n" and job["usage"]["scratch_bytes"] == 1 << 20, job)


def test_what_is_not_granted_is_denied_and_causes_nothing_upstream():
    stage.ask_internet(do="forget")
    job = curl("https://evil.example.com/")
    expect(job["outcome"]["code"] != 0, job)
    denied = [flow for flow in job["network"] if flow["name"] == "evil.example.com"]
    expect(denied and denied[0]["verdict"] == "denied" and denied[0]["reason"] == "no_grant", job["network"])
    job = curl("https://www.example.com:8443/")
    expect(job["outcome"]["code"] != 0, job)
    job = stage.job(["python3", "-c", TALK, f"tcp/{SERVER}/443", "tcp/8.8.8.8/53", f"udp/{SERVER}/53"])
    expect("got" not in job["stdout"], job)
    counts = stage.ask_internet(do="counts")
    expect(counts["packets"] == {} and counts["queries"] == [], "GOT THROUGH", counts)


def test_a_server_name_that_is_not_the_granted_one_is_refused():
    stage.ask_internet(do="forget")
    job = curl("https://evil.example.com/", "--connect-to", "evil.example.com:443:www.example.com:443", "-k")
    expect(job["outcome"]["code"] != 0, job)
    told = [f for f in job["network"] if f["reason"] == "server_name_differs"]
    expect(told and told[0]["name"] == "www.example.com", job["network"])
    expect(stage.ask_internet(do="counts")["connections"] == [], "GOT THROUGH")


def test_a_server_that_asks_for_another_hello_gets_it():
    stage.ask_internet(do="forget")
    job = curl("https://retry.wild.example.com/bytes/100000", "-k", "-o", "/dev/null")
    expect(went_well(job), job)
    far = stage.ask_internet(do="counts")["connections"][0]
    expect(far["head"].count("retry.wild.example.com") == 2, "it did not ask")
    flow = [f for f in job["network"] if f["port"] == 443][0]
    expect((flow["bytes_up"], flow["bytes_down"]) == (far["in"], far["out"]), flow, far)
    expect(flow["reason"] is None, flow)


def test_a_name_that_leads_inside_is_not_dialled():
    for address in ("127.0.0.1", "169.254.169.254", "10.1.2.3", "11.0.0.1"):
        stage.ask_internet(do="forget")
        stage.name("www.example.com", SERVER, address)
        job = curl("https://www.example.com/")
        stage.name("www.example.com", SERVER)
        seen = stage.ask_internet(do="counts")
        expect(all(f" {RESOLVER} " in where for where in seen["packets"]), "GOT THROUGH", seen)
        expect(job["outcome"]["code"] != 0, address, job)
        expect({flow["reason"] for flow in job["network"]} == {"address_denied"}, address, job["network"])


def test_every_byte_is_counted_as_the_far_side_counts_it():
    for path in ("/", "/bytes/1", "/bytes/100000", "/bytes/1000000"):
        stage.ask_internet(do="forget")
        job = curl("https://www.example.com" + path)
        expect(went_well(job), job)
        flow = [f for f in job["network"] if f["name"] == "www.example.com" and f["port"] == 443][0]
        far = stage.ask_internet(do="counts")["connections"][0]
        expect((flow["bytes_up"], flow["bytes_down"]) == (far["in"], far["out"]), flow, far)
        expect(flow["verdict"] == "allowed" and flow["reason"] is None and flow["address"] == SERVER, flow)


def test_a_budget_ends_the_flow_and_is_told():
    code = "import socket\ns = socket.create_connection(('echo.example.com', 7002))\nn = 0\ntry:\n" \
           "  while True:\n    d = s.recv(65536)\n    if not d: break\n    n += len(d)\nexcept OSError as e: print(e)\nprint(n)"
    job = stage.job(["python3", "-c", code])
    flow = [f for f in job["network"] if f["port"] == 7002][0]
    expect(flow["reason"] == "bytes_down_spent", flow)
    expect((1 << 20) - 16384 <= flow["bytes_down"] <= (1 << 20) + 16384, flow)


def test_a_job_may_narrow_and_not_widen():
    job = curl("https://www.example.com/", egress=[{"name": "www.example.com"}])
    expect(job["stdout"] == "hello\n", job)
    job = curl("http://plain.example.net/", egress=[{"name": "www.example.com"}])
    expect(job["outcome"]["code"] != 0, job)
    for nothing in ([], None):
        before = sent()
        job = curl("https://www.example.com/", egress=nothing)
        expect(sent() == before, job)
        expect(job["outcome"]["code"] != 0 and job["network"] == [], job)
    for wider, pointer in (([{"name": "evil.example.com"}], "/egress/0/name"), ([{"name": "*.com"}], "/egress/0/name"),
                           ([{"name": "www.example.com", "ports": [80]}], "/egress/0/ports"), ("all", "/egress"),
                           ([{"name": "www.example.com", "max_bytes_down": 1 << 30}], "/egress/0/max_bytes_down")):
        status, answer = stage.request("POST", "/v1/jobs", {"argv": ["true"], "profile": "web", "egress": wider})
        expect(status == 400 and answer["errors"][0]["pointer"] == pointer, str(status), answer)
    status, answer = stage.request("POST", "/v1/jobs", {"argv": ["true"], "egress": [{"name": "www.example.com"}]})
    expect(status == 400, answer)


def call(tool, url, **more):
    status, answer = stage.request("POST", f"/v1/tools/{tool}/calls", {"input": {"url": url}, "wait": True, **more})
    expect(status == 200, str(status), answer)
    return answer


def test_a_tool_has_as_much_network_as_its_definition_leaves_of_the_profiles():
    https, plain = "https://www.example.com/", "http://plain.example.net/"
    tools = {name: stage.request("GET", f"/v1/tools/{name}")[1] for name in ("fetch", "lookup", "whatever")}
    expect([g["name"] for g in tools["fetch"]["egress"]] == ["www.example.com"], tools["fetch"])
    expect(tools["lookup"]["egress"] == [] and len(tools["whatever"]["egress"]) == 4, tools)
    plan = call("fetch", https, dry_run=True)["plan"]
    expect([(g["name"], g["ports"]) for g in plan["egress"]] == [("www.example.com", [443])], plan)
    expect(call("fetch", https)["stdout"] == "hello\n", "a granted name")
    job = call("fetch", plain)
    expect(job["outcome"]["code"] != 0 and {f["reason"] for f in job["network"]} == {"no_grant"}, job)
    before = sent()
    job = call("lookup", https)
    expect(sent() == before, job)
    expect(job["outcome"]["code"] != 0 and job["network"] == [], job)
    for url in (https, plain):
        expect(call("whatever", url)["stdout"] == "hello\n", url)


def test_a_grant_that_has_expired_lets_nothing_out():
    job = curl("https://www.example.com/", profile="late")
    expect(job["outcome"]["code"] != 0, job)
    expect(any(f["reason"] == "grant_expired" for f in job["network"]), job["network"])


def test_what_is_enforced_is_read_back():
    enforced = stage.job(["true"])["enforced"]
    expect(enforced["egress.ports"] == "80 443 7000 7001 7002", enforced)
    expect(enforced["egress.icmp_echo_ignore_all"] == "1" and enforced["egress.resolver"] == "198.18.0.1:53", enforced)
    expect("to 192.0.2.1, both refused" in enforced["egress.wall"], enforced)


def test_without_the_wall_no_job_has_egress():
    stage.wall("--remove")
    try:
        job = stage.job(["true"])
        expect(job["outcome"]["kind"] == "setup_failed" and "wall" in job["outcome"]["step"], job["outcome"])
        expect("cordon-egress-wall" in job["outcome"]["remedy"], job["outcome"])
        expect(went_well(stage.job(["true"], profile="default")), "tier A")
    finally:
        stage.raise_wall()
    expect(went_well(stage.job(["true"])), "with the wall again")


def test_behind_a_wall_that_refuses_loopback_alone_no_job_has_egress():
    stage.wall("--remove")
    rules = f"""table inet cordon_egress_{stage.ids['INSTANCE']} {{
      chain out {{
        type filter hook output priority -10; policy accept;
        meta skuid {stage.ids['EGRESS_UID']} ip daddr 127.0.0.0/8 drop
      }}
    }}
    """
    try:
        stage.nft(rules)
        stage.ask_internet(do="forget")
        job = stage.job(["true"])
        expect(job["outcome"]["kind"] == "setup_failed" and "wall" in job["outcome"]["step"], job["outcome"])
        expect("denied address" in json.dumps(job["outcome"]), job["outcome"])
    finally:
        stage.raise_wall()
    expect(went_well(stage.job(["true"])), "with the wall again")


def test_the_wall_is_tried_where_a_route_leads_and_without_its_answer_no_job_has_egress():
    def tried():
        job = stage.job(["true"])
        return job["enforced"]["egress.wall"] if went_well(job) else json.dumps(job["outcome"])

    run("ip", "route", "del", "default")
    try:
        expect("loopback (no route leads to 192.0.2.1)" in tried(), "without a route")
    finally:
        run("ip", "route", "add", "default", "via", FAR_END)
    for dropped, told in (("192.0.2.0/24", "203.0.113.1, both refused"), ("192.0.2.0/24, 203.0.113.0/24", "drops on lo")):
        rules = f"""table ip dropping {{
          chain in {{
            type filter hook prerouting priority -150; policy accept;
            ip saddr {{ {dropped} }} drop
          }}
        }}
        """
        try:
            stage.nft(rules)
            found = tried()
        finally:
            stage.nft("delete table ip dropping\n")
        expect(told in found, found)
    expect("192.0.2.1, both refused" in tried(), "as ever")


def test_whether_the_wall_is_the_one_that_is_wanted_is_told_and_the_doctor_has_looked():
    code, said = stage.check_wall()
    expect(code == 0 and "80 443 7000 7001 7002" in said, str(code), said)
    rows = stage.doctor()
    expect({name: row["verdict"] for name, row in rows.items()} ==
           {"egress": "found", "egress.wall": "found", "egress.proxy": "found"}, rows)
    expect("web" in rows["egress"]["detail"], rows)
    try:
        stage.profile("more", [{"name": "www.example.com", "ports": [8443], "mode": "raw"}])
        code, said = stage.check_wall()
        expect(code == 3 and "8443" in said, str(code), said)
        expect(stage.doctor()["egress.wall"]["verdict"] == "missing", "a wall that lacks a port")
    finally:
        os.unlink(f"{stage.directory}/profiles/more.json")
    stage.wall("--remove")
    try:
        code, said = stage.check_wall()
        expect(code == 2 and "not loaded" in said, str(code), said)
        row = stage.doctor()["egress.wall"]
        expect(row["verdict"] == "missing" and "not loaded" in row["detail"], row)
    finally:
        stage.raise_wall()
    stage.processes["cordon-egress"].send_signal(signal.SIGSTOP)
    try:
        row = stage.doctor()["egress.proxy"]
        expect(row["verdict"] == "missing" and "does not answer" in row["detail"], row)
    finally:
        stage.processes["cordon-egress"].send_signal(signal.SIGCONT)
    expect(stage.doctor()["egress.proxy"]["verdict"] == "found", "once it goes on")


def test_the_wall_holds_the_user_of_cordon_egress_itself():
    code = TALK.replace("sys.argv[1:]", json.dumps([f"tcp/{SERVER}/7000", f"tcp/{SERVER}/22", "tcp/10.0.0.1/443",
                                                    f"udp/{SERVER}/53", f"udp/{SERVER}/443", "tcp/127.0.0.1/443"]))
    stage.ask_internet(do="forget")
    ids = stage.ids
    out = subprocess.run(["setpriv", "--reuid", ids["EGRESS_UID"], "--regid", ids["EGRESS_GID"], "--clear-groups",
                          "python3", "-c", code], capture_output=True, text=True).stdout
    expect(f"tcp/{SERVER}/7000 got 5" in out and out.count("got") == 1, out)
    packets = stage.ask_internet(do="counts")["packets"]
    expect(all(where.startswith(f"6 {SERVER} 7000") for where in packets), "GOT THROUGH", packets)


def test_egress_check_says_what_would_be_decided_and_by_which_grant():
    def check(profile, to, port):
        ran = stage.cordon("egress", "check", profile, to, str(port), "--json")
        told = json.loads(ran.stdout)
        expect(ran.returncode == (0 if told["verdict"] == "allowed" else 1), str(ran.returncode), told)
        return told["verdict"], told["reason"], told["rule"]

    allowed, denied = "allowed", "denied"
    expect(check("web", "www.example.com", 443) == (allowed, None, "/egress/0"), "a name")
    expect(check("web", "WWW.Example.COM", 443) == (allowed, None, "/egress/0"), "the same, spelt otherwise")
    expect(check("web", "b.wild.example.com", 443) == (allowed, None, "/egress/2"), "a name under a wildcard")
    expect(check("web", "wild.example.com", 443) == (denied, "no_grant", None), "the wildcard itself")
    expect(check("web", "www.example.com", 80) == (denied, "port_not_granted", None), "another port")
    expect(check("web", "evil.example.com", 443) == (denied, "no_grant", None), "another name")
    expect(check("web", SERVER, 443) == (denied, "no_grant", None), "the address of a granted name")
    expect(check("late", "www.example.com", 443) == (denied, "grant_expired", "/egress/0"), "an end")
    expect(check("none", "www.example.com", 443) == (denied, "no_grant", None), "no grants")
    expect(check("places", SERVER, 7000) == (allowed, None, "/egress/0"), "an address")
    expect(check("places", "10.1.2.3", 7000) == (denied, "address_denied", "/egress/1"), "a private address")
    expect(check("places", "192.0.2.1", 7000) == (denied, "address_denied", "/egress/2"), "an address of nobody")
    expect(check("places", SERVER, 7001) == (allowed, None, "/egress/3"), "the same network on another port")
    # As it is: what it denies is not dialled.
    stage.ask_internet(do="forget")
    job = stage.job(["python3", "-c", TALK, f"tcp/{SERVER}/7000", "tcp/10.1.2.3/7000", "tcp/192.0.2.1/7000"], profile="places")
    expect(went_well(job), job)
    expect(job["stdout"].count("got 5") == 1, job)
    expect([f["reason"] for f in job["network"]].count("address_denied") == 2, job["network"])
    expect({c["port"] for c in stage.ask_internet(do="counts")["connections"]} == {7000} and reached() == 1, "GOT THROUGH")
    ran = stage.cordon("egress", "check", "nobody", "www.example.com", "443")
    expect(ran.returncode == 1 and "no profile \"nobody\"" in ran.stderr and not ran.stdout, str(ran.returncode), ran.stderr)
    ran = stage.cordon("egress", "check", "web", "www.example.com", "443")
    expect(ran.returncode == 0 and ran.stdout.startswith("allowed: ") and "/egress/0" in ran.stdout, ran.stdout)


HOLD = """
import socket, time
s = socket.create_connection(('echo.example.com', 7000)); s.sendall(b'hello'); s.recv(5, socket.MSG_WAITALL)
try: socket.create_connection(('plain.example.net', 443), 2)
except OSError: pass
time.sleep(60)
"""


def test_ps_network_shows_what_flows_now_and_what_was_denied():
    status, job = stage.request("POST", "/v1/jobs", {"argv": ["python3", "-c", HOLD], "profile": "web"})
    expect(status in (200, 201, 202), str(status), job)
    try:
        for _ in range(100):
            rows = [line.split() for line in stage.cordon("ps", "--network").stdout.splitlines()]
            if len([row for row in rows if row[0] == job["id"]]) == 2:
                break
            time.sleep(0.1)
        expect(rows[0] == ["ID", "TO", "VERDICT", "REASON", "COUNT", "UP", "DOWN"], rows)
        mine = [row[1:] for row in rows if row[0] == job["id"]]
        expect(sorted(row[:2] for row in mine) == [["echo.example.com:7000", "allowed"], ["plain.example.net:443", "denied"]], rows)
        expect(any("port_not_granted" in row for row in mine), rows)
        for _ in range(100):  # the bytes so far are told once a second
            shown = [one for one in json.loads(stage.cordon("ps", "--network", "--json").stdout) if one["id"] == job["id"]]
            flow = [f for f in shown[0]["network"] if f["port"] == 7000][0]
            if flow["bytes_down"] == 5:
                break
            time.sleep(0.1)
        expect((flow["bytes_up"], flow["bytes_down"], flow["reason"]) == (5, 5, None) and "duration_ms" not in flow, flow)
    finally:
        stage.request("DELETE", f"/v1/jobs/{job['id']}")


def test_cordon_egress_has_no_right_that_it_does_not_need():
    pid = stage.processes["cordon-egress"].pid
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        expect(int(status[kind], 16) == 0, kind, status[kind])
    expect(set(status["Uid"].split()) == {stage.ids["EGRESS_UID"]} and set(status["Gid"].split()) == {stage.ids["EGRESS_GID"]}, status)
    expect(status["Groups"].split() == [], status["Groups"])
    expect((status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), status)


def test_what_opening_egress_took_is_told():
    opened = sorted(stage.job(["true"], profile="one", timings=True)["timings"]["egress"] for _ in range(20))
    print(f"          p50 {opened[10]:.3f} ms, p95 {opened[19]:.3f} ms")  # measured, not judged: the host may be busy
    expect(opened[0] > 0, opened)


def test_metrics_and_events_tell_of_flows():
    curl("https://www.example.com/")
    text = stage.request("GET", "/metrics", operator=True)[1]
    found = re.search(r'cordon_egress_bytes_total\{direction="down"\} (\d+)', text)
    expect(found and int(found.group(1)) > 0, text[-2000:])


if __name__ == "__main__":
    play(globals())
