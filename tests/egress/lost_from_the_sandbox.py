#!/usr/bin/python3
"""Promises of egress, end to end: while cordon-egress, the resolver or the wall is lost, no new flow begins, not even of
a job that runs already, and jobs without a network notice nothing; an edited profile opens nothing to a job that runs. As root; usage: lost_from_the_sandbox.py BIN_DIR
[WORD]: only tests with WORD in their name.
"""
import signal
import time

from scene import curl, expect, play, reached, reached_at_rest, stage, went_well

# Tries, for so many seconds, and tells of each try; what flows is held open beside that.
TRIES = """
import socket, sys, time
held = socket.create_connection(('echo.example.com', 7000)); held.sendall(b'h'); held.recv(1)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    try:
        with socket.create_connection(('echo.example.com', 7000), 3) as s:
            s.settimeout(3); s.sendall(b'x')
            print('flows' if s.recv(1) else 'ended', flush=True)
    except OSError as e:
        print(type(e).__name__, e.errno, flush=True)
    time.sleep(0.1)
"""


def begin(seconds):
    stage.ask_internet(do="forget")
    status, job = stage.request("POST", "/v1/jobs", {"argv": ["python3", "-c", TRIES, str(seconds)], "profile": "web",
                                                      "limits": {"wall_ms": 60000}})
    expect(status == 202, str(status), job)
    tells(job, 3)
    return job


def said(job):
    return stage.request("GET", f"/v1/jobs/{job['id']}")[1]["stdout"].splitlines()


def count(job):
    return len([line for line in said(job) if line.endswith("flows")])


def tells(job, flows):
    """Waits until it has told of so many flows more."""
    wanted = count(job) + flows
    for _ in range(300):
        if count(job) >= wanted:
            return
        time.sleep(0.05)
    raise AssertionError(f"no flow begins: {said(job)[-20:]}")


def expect_nothing_begins(job, reason, tries=8):
    """From now on, as the job, the internet and another job see it."""
    before, told = reached_at_rest(), len(said(job))
    for _ in range(400):
        if len(said(job)) >= told + tries:
            break
        time.sleep(0.05)
    since = said(job)[told:]
    expect("flows" not in since and reached() == before, "GOT THROUGH", since, str(before), str(reached()))
    expect(len(since) >= tries, since)
    tier_a = stage.job(["echo", "as ever"], profile="default")
    expect(went_well(tier_a) and tier_a["stdout"] == "as ever\n" and tier_a["network"] == [], tier_a)
    if reason:
        job = stage.request("GET", f"/v1/jobs/{job['id']}")[1]
        expect(reason in {flow["reason"] for flow in job["network"]}, job["network"])


def test_without_the_wall_no_flow_of_a_running_job_begins_until_it_stands_again():
    job = begin(12)
    stage.wall("--remove")
    try:
        expect_nothing_begins(job, "no_wall")
        late = stage.job(["true"])
        expect(late["outcome"]["kind"] == "setup_failed" and "wall" in late["outcome"]["step"], late["outcome"])
    finally:
        stage.raise_wall()
    tells(job, 2)
    done = stage.request("GET", f"/v1/jobs/{job['id']}?wait=30")[1]
    expect(went_well(done), done["outcome"], done["stderr"])
    expect(went_well(stage.job(["true"])), "a new job, with the wall again")


def test_without_a_resolver_no_flow_to_a_name_begins_until_it_lives_again():
    job = begin(20)
    stage.ask_internet(do="resolver", lives=False)
    try:
        expect_nothing_begins(job, "resolver_failed", tries=4)
    finally:
        stage.ask_internet(do="resolver", lives=True)
    tells(job, 2)
    done = stage.request("GET", f"/v1/jobs/{job['id']}?wait=40")[1]
    expect(went_well(done), done["outcome"], done["stderr"])


BOTH = """
import socket, sys, time
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    for name in ('echo.example.com', 'evil.example.com'):
        try:
            with socket.create_connection((name, 7000), 3) as s:
                s.settimeout(3); s.sendall(b'x')
                print(name, 'flows' if s.recv(1) else 'ended', flush=True)
        except OSError as e:
            print(name, type(e).__name__, e.errno, flush=True)
    time.sleep(0.1)
"""


def test_a_profile_that_is_edited_while_a_job_flows_changes_nothing_for_it_and_opens_nothing_while_it_is_read():
    def job(seconds):
        status, job = stage.request("POST", "/v1/jobs", {"argv": ["python3", "-c", BOTH, str(seconds)], "profile": "edited",
                                                         "limits": {"wall_ms": 60000}})
        expect(status == 202, str(status), job)
        return job

    def edit(egress, taken=True):
        stage.profile("edited", egress)
        status, answer = stage.request("POST", "/v1/reload", {}, operator=True)
        expect((status == 200) == taken, str(status), answer)

    def goes_on(running):
        tells(running, 5)
        expect("evil.example.com flows" not in said(running), "GOT THROUGH", said(running)[-10:])

    def only(name):
        done = stage.request("GET", f"/v1/jobs/{job(0.5)['id']}?wait=20")[1]
        flowed = {line.split()[0] for line in done["stdout"].splitlines() if line.endswith("flows")}
        expect(flowed == ({name} if name else set()), "GOT THROUGH" if flowed - {name} else "held back", done)

    echo, evil = ({"name": name, "ports": [7000], "mode": "raw"} for name in ("echo.example.com", "evil.example.com"))
    stage.ask_internet(do="forget")
    edit([echo])
    try:
        running = job(55)
        goes_on(running)
        for broken in ([{"name": "*", "ports": [7000], "mode": "raw"}], "everything", [dict(evil, ports=[])], [dict(evil, more=1)]):
            edit(broken, taken=False)
            only(None)  # the launcher reads the file itself, and starts nothing under it
        goes_on(running)
        edit([echo])
        only("echo.example.com")
        edit([evil])
        goes_on(running)
        only("evil.example.com")
        edit([])
        goes_on(running)
        only(None)
    finally:
        edit([echo])
    stage.request("DELETE", f"/v1/jobs/{running['id']}")


def test_a_resolver_that_is_silent_lets_nothing_begin():
    stage.ask_internet(do="forget")
    stage.name("www.example.com", "93.184.216.34", silent=True)
    try:
        job = curl("https://www.example.com/", "--max-time", "20", limits={"wall_ms": 60000})
        expect(job["outcome"]["code"] != 0, job)
        expect("resolver_failed" in {flow["reason"] for flow in job["network"]}, job["network"])
        expect(not [c for c in stage.ask_internet(do="counts")["connections"] if c["port"] == 443], "GOT THROUGH")
    finally:
        stage.name("www.example.com", "93.184.216.34")
    expect(curl("https://www.example.com/")["stdout"] == "hello\n", "once it answers")


def test_without_cordon_egress_no_flow_begins_and_the_next_one_serves_new_jobs():
    job = begin(6)
    stage.end("cordon-egress", signal.SIGKILL)
    expect_nothing_begins(job, "egress_lost")
    late = stage.job(["true"])
    expect(late["outcome"]["kind"] == "setup_failed" and "cordon-egress" in late["outcome"]["step"], late["outcome"])
    before = reached()
    stage.start_egress()
    for _ in range(100):
        if went_well(stage.job(["true"])):
            break
        time.sleep(0.1)
    expect(curl("https://www.example.com/")["stdout"] == "hello\n", "a new job, with the next one")
    done = stage.request("GET", f"/v1/jobs/{job['id']}?wait=20")[1]
    expect(done["stdout"].splitlines()[-1] != "flows" and reached() == before, "GOT THROUGH", done)  # its listeners went with the first


def test_a_cordon_egress_that_hangs_lets_nothing_begin_and_keeps_no_job_without_a_network_waiting():
    job = begin(8)
    stage.processes["cordon-egress"].send_signal(signal.SIGSTOP)
    try:
        expect_nothing_begins(job, None, tries=1)
        late = stage.job(["true"])
        expect(late["outcome"]["kind"] == "setup_failed" and "cordon-egress" in late["outcome"]["step"], late["outcome"])
    finally:
        stage.processes["cordon-egress"].send_signal(signal.SIGCONT)
    tells(job, 2)


if __name__ == "__main__":
    play(globals())
