#!/usr/bin/python3
"""Promises of egress, end to end: what cuts a live flow, and that no byte arrives on the far side behind that. As root;
usage: cut_from_the_sandbox.py BIN_DIR [WORD]: only tests with WORD in their name.
"""
import os
import signal
import time

from scene import curl, expect, play, stage, went_well

# Says hello for as long as it can, then what became of that, of a new connection and of a name.
BABBLE = """
import socket, sys, time
def tried(what):
    try: return repr(what())
    except OSError as e: return f'{type(e).__name__} {e.errno}'
where = (socket.gethostbyname('echo.example.com'), 7000)
s = socket.create_connection(where); s.settimeout(5)
def babble():
    while True:
        s.sendall(b'x'); s.recv(1); time.sleep(0.002)
        if not told: print('flows', flush=True); told.append(True)
told = []
print('cut', tried(babble), flush=True)
print('again', tried(lambda: s.send(b'x')))
print('new', tried(lambda: socket.create_connection(where, 2)))
print('name', tried(lambda: socket.getaddrinfo('b.wild.example.com', 443)))
time.sleep(float(sys.argv[1]))
print('lives')
"""


def begin_to_babble(more_seconds, **more):
    status, job = stage.request("POST", "/v1/jobs", {"argv": ["python3", "-c", BABBLE, str(more_seconds)],
                                                      "profile": "web", **more})
    expect(status == 202, str(status), job)
    until("flows", job)
    return job


def until(word, job):
    for _ in range(200):
        job = stage.request("GET", f"/v1/jobs/{job['id']}")[1]
        if word in job["stdout"]:
            return job
        time.sleep(0.05)
    raise AssertionError(f"it does not come to {word}: {job}")


def far_echo():
    return [c for c in stage.ask_internet(do="counts")["connections"] if c["port"] == 7000]


def make_grant(**terms):
    status, grant = stage.request("POST", "/v1/grants", {"uid": os.getuid(), **terms}, operator=True)
    expect(status == 201, str(status), grant)
    return grant


def expect_cut(job, reason):
    # The far side: it was reset, and no byte comes behind that. The job itself lives on.
    ended = far_echo()
    expect([c["ended"] for c in ended] == ["reset"] and ended[0]["in"] > 0, ended)
    told = until("name", job)
    time.sleep(0.3)
    expect(far_echo() == ended, ended, far_echo())
    expect("cut ConnectionResetError" in told["stdout"] and "again BrokenPipeError" in told["stdout"], told)
    job = stage.request("GET", f"/v1/jobs/{job['id']}?wait=20")[1]
    expect(went_well(job) and "lives" in job["stdout"], job)
    flow = [f for f in job["network"] if f["port"] == 7000 and f["verdict"] == "allowed"][0]
    expect(flow["reason"] == reason and flow["bytes_up"] == ended[0]["in"], flow, ended)
    text = stage.request("GET", "/metrics", operator=True)[1]
    expect(reason in text, text[-2000:])
    return job


def test_killing_cordon_egress_ends_its_flows_and_touches_no_other_job():
    code = "import socket, time\ns = socket.create_connection(('echo.example.com', 7000))\ns.sendall(b'x')\ns.recv(1)\n" \
           "print('flows', flush=True)\ntry: print('got', len(s.recv(1)))\nexcept OSError as e: print('cut', e.errno)"
    _, flowing = stage.request("POST", "/v1/jobs", {"argv": ["python3", "-c", code], "profile": "web"})
    _, other = stage.request("POST", "/v1/jobs", {"argv": ["sleep", "2"]})
    for _ in range(100):
        if "flows" in stage.request("GET", f"/v1/jobs/{flowing['id']}")[1]["stdout"]:
            break
        time.sleep(0.05)
    stage.end("cordon-egress", signal.SIGKILL)
    job = stage.request("GET", f"/v1/jobs/{flowing['id']}?wait=20")[1]
    expect("cut" in job["stdout"] or "got 0" in job["stdout"], job)
    expect(job["network"][-1]["reason"] == "egress_lost", job["network"])
    job = stage.job(["true"])
    expect(job["outcome"]["kind"] == "setup_failed" and "cordon-egress" in job["outcome"]["step"], job["outcome"])
    expect(went_well(stage.request("GET", f"/v1/jobs/{other['id']}?wait=20")[1]), "another job")
    expect(went_well(stage.job(["true"], profile="default")), "tier A")
    stage.start_egress()
    for _ in range(50):
        if went_well(stage.job(["true"])):
            break
        time.sleep(0.1)
    expect(curl("https://www.example.com/")["stdout"] == "hello\n", "once it is back")


def test_killing_a_job_cuts_its_flows_first():
    stage.ask_internet(do="forget")
    code = "import socket, time\ns = socket.create_connection(('echo.example.com', 7000))\ns.sendall(b'x')\ns.recv(1)\n" \
           "print('flows', flush=True)\ntime.sleep(60)"
    _, job = stage.request("POST", "/v1/jobs", {"argv": ["python3", "-c", code], "profile": "web"})
    for _ in range(100):
        if "flows" in stage.request("GET", f"/v1/jobs/{job['id']}")[1]["stdout"]:
            break
        time.sleep(0.05)
    status, receipt = stage.request("PUT", f"/v1/kill/job/{job['id']}", {"reason": "test"}, operator=True)
    expect(status == 200 and receipt["survivors"] == 0, receipt)
    ended = [c["ended"] for c in stage.ask_internet(do="counts")["connections"] if c["port"] == 7000]
    expect(ended == ["reset"], ended)
    stage.request("DELETE", f"/v1/kill/job/{job['id']}", operator=True)


def test_a_flow_that_a_tool_leaves_to_another_process_ends_with_the_tool_and_its_bytes_are_exact():
    stage.ask_internet(do="forget")
    hold = "exec 3<>/dev/tcp/echo.example.com/7000; printf hello >&3; read -r -N5 word <&3; echo $word; exec sleep 60"
    job = stage.job(["bash", "-c", f"exec 4< <({hold}); read -r word <&4; echo $word"])
    expect(went_well(job) and job["stdout"] == "hello\n", job)
    flow = [f for f in job["network"] if f["port"] == 7000][0]
    expect((flow["bytes_up"], flow["bytes_down"]) == (5, 5) and flow["reason"] in (None, "job_ended"), flow)
    ended = far_echo()
    expect([c["in"] for c in ended] == [5] and ended[0]["ended"] != "open", ended)


def test_revoking_the_grant_that_a_job_runs_under_cuts_its_flows_and_nothing_else():
    stage.ask_internet(do="forget")
    grant, other = make_grant(), make_grant()
    job = begin_to_babble(1, grant=grant["grant"])
    status, done = stage.request("DELETE", f"/v1/grants/{other['name']}", operator=True)
    expect(status == 200 and done["cut"] == [] and far_echo()[0]["ended"] == "open", done)
    status, done = stage.request("DELETE", f"/v1/grants/{grant['name']}", operator=True)
    expect(status == 200 and done["cut"] == [job["id"]] and done["all_cut"] and done["killed"] == [], done)
    job = expect_cut(job, "grant_revoked")
    expect("new ConnectionRefusedError" in job["stdout"] and "name gaierror" in job["stdout"], job)
    denied = [f for f in job["network"] if f["verdict"] == "denied" and f.get("query")]
    expect(denied and denied[0]["reason"] == "grant_revoked", job["network"])
    status, answer = stage.request("POST", "/v1/jobs", {"argv": ["true"], "profile": "web", "grant": grant["grant"]})
    expect(status == 403 and answer["code"] == "grant_ended", answer)


def test_a_grant_that_ends_while_a_flow_is_live_cuts_it_then():
    end = int(time.time()) + 4
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
    stage.ask_internet(do="forget")
    begun = begin_to_babble(0, egress=[{"name": "echo.example.com", "expires": stamp}])
    expect(time.time() < end, "too late to see it")
    until("cut", begun)
    expect(time.time() >= end, "it was cut before its end")
    expect_cut(begun, "grant_expired")


def test_the_network_of_a_job_ends_with_the_grant_that_it_runs_under():
    stage.ask_internet(do="forget")
    grant = make_grant(expires_s=4)
    begun = begin_to_babble(0, grant=grant["grant"])
    until("cut", begun)
    expect_cut(begun, "grant_expired")


def test_a_revocation_that_cordon_egress_has_not_heard_is_not_told_as_done():
    grant = make_grant()
    status, job = stage.request("POST", "/v1/jobs", {"argv": ["sh", "-c", "echo runs; exec sleep 30"], "profile": "web",
                                                      "grant": grant["grant"]})
    expect(status == 202, str(status), job)
    until("runs", job)
    stage.processes["cordon-egress"].send_signal(signal.SIGSTOP)
    try:
        status, done = stage.request("DELETE", f"/v1/grants/{grant['name']}", operator=True)
        expect(status == 200 and done["cut"] == [job["id"]] and not done["all_cut"], done)
    finally:
        stage.processes["cordon-egress"].send_signal(signal.SIGCONT)
    status, receipt = stage.request("PUT", f"/v1/kill/job/{job['id']}", {"reason": "test"}, operator=True)
    expect(status == 200 and receipt["survivors"] == 0, receipt)
    stage.request("DELETE", f"/v1/kill/job/{job['id']}", operator=True)


def test_engaging_any_scope_cuts_flows_before_the_job_is_dead():
    for scope in ("all", "profile/web", "actor"):
        stage.ask_internet(do="forget")
        job = begin_to_babble(60)
        target = f"/v1/kill/actor/{job['actor']}" if scope == "actor" else f"/v1/kill/{scope}"
        status, receipt = stage.request("PUT", target, {"reason": "test"}, operator=True)
        try:
            expect(status == 200 and receipt["survivors"] == 0, receipt)
            expect([c["ended"] for c in far_echo()] == ["reset"], far_echo())
            job = stage.request("GET", f"/v1/jobs/{job['id']}?wait=20")[1]
            flow = [f for f in job["network"] if f["port"] == 7000][0]
            expect(job["outcome"]["kind"] == "killed" and flow["reason"] == "job_ended", job)
            expect(flow["bytes_up"] == far_echo()[0]["in"], flow, far_echo())
        finally:
            stage.request("DELETE", target, operator=True)


if __name__ == "__main__":
    play(globals())
