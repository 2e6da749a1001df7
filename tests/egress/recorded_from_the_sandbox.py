#!/usr/bin/python3
"""Promises of egress, end to end, with the ledger on: what is let out is on the record before anything leaves, what it
came to is there even if that is known only when the job's report has been told, and without a ledger nothing is let out.
As root; usage: recorded_from_the_sandbox.py BIN_DIR [WORD]: only tests with WORD in their name.
"""
import json
import signal
import subprocess
import time

from scene import curl, expect, play, reached, reached_at_rest, stage, went_well

HOLD = "exec 3<>/dev/tcp/echo.example.com/7000 && printf h >&3 && read -r -N1 <&3 && echo flows && exec sleep 60"
# A connection after the other, for so many seconds; told of when the far end has answered.
TRIES = """
import socket, sys, time
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    try:
        with socket.create_connection(('echo.example.com', 7000), 5) as s:
            s.settimeout(5); s.sendall(b'x')
            print('flows' if s.recv(1) else 'ended', flush=True)
    except OSError as e:
        print(type(e).__name__, flush=True)
    time.sleep(0.1)
"""
# As many connections as it says, before anybody takes the first of them.
BURST = """
import socket, sys, time
def connect():
    s = socket.create_connection(('echo.example.com', 7000), 20); s.settimeout(20); s.sendall(b'x'); return s
connect().recv(1); print('flows', flush=True); time.sleep(1)
all = [connect() for _ in range(int(sys.argv[1]))]
print('asked', flush=True)
print(sum(len(s.recv(1)) for s in all), flush=True)
"""


def record(job, *kinds):
    """What the ledger has of a job's flows."""
    ran = subprocess.run([f"{stage.bin}/cordon", "evidence", "export", "--dir", stage.directory + "/state/ledger", "--job", job],
                         capture_output=True, text=True)
    expect(ran.returncode == 0, ran.stderr)
    return [entry for entry in map(json.loads, ran.stdout.splitlines()) if entry["kind"] in kinds]


def within(seconds, condition):
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            return found
        time.sleep(0.05)
    return found


def begin(script, *arguments, profile="web"):
    status, job = stage.request("POST", "/v1/jobs", {"argv": [*script, *arguments], "profile": profile, "limits": {"wall_ms": 60000}})
    expect(status == 202, str(status), job)
    expect(within(20, lambda: "flows" in seen(job["id"])["stdout"]), "nothing flows", seen(job["id"]))
    return job["id"]


def seen(job):
    return stage.request("GET", f"/v1/jobs/{job}")[1]


def test_flows_and_what_was_denied_are_on_the_record_as_the_report_has_them():
    job = curl("https://www.example.com/")
    expect(went_well(job), job)
    told = [flow for flow in job["network"] if flow["verdict"] == "allowed"]
    expect(len(told) == 1, job["network"])
    allowed = record(job["id"], "flow")
    expect(len(allowed) == 1 and allowed[0]["verdict"] == "allowed" and allowed[0]["name"] == "www.example.com" and
           allowed[0]["port"] == 443 and allowed[0]["rule"] == "/egress/0" and allowed[0]["source"] == "egress", allowed)
    decision = record(job["id"], "decision")[0]
    expect(all(allowed[0][whose] == decision[whose] for whose in ("actor", "tenant", "profile")), allowed, decision)
    closed = record(job["id"], "flow_closed")
    expect(len(closed) == 1 and closed[0]["address"] == "93.184.216.34", closed)
    for way in ("bytes_up", "bytes_down"):
        expect(closed[0][way] == told[0][way], closed, told)
    denied = curl("https://evil.example.com/")
    expect(denied["outcome"]["code"] != 0, denied)
    said = within(5, lambda: record(denied["id"], "flow_denied"))
    expect(not record(denied["id"], "flow"), "one that was denied was let out")
    expect(said and all(entry["verdict"] == "denied" for entry in said) and said[0]["name"] == "evil.example.com", said)


def test_nothing_is_let_out_while_the_ledger_does_not_answer_and_what_follows_is_on_the_record():
    stage.ask_internet(do="forget")
    job = begin(["python3", "-c", TRIES], "12")
    stage.processes["cordon-ledger"].send_signal(signal.SIGSTOP)
    try:
        before = reached_at_rest()
        time.sleep(2)
        expect(reached() == before, "GOT THROUGH without a record", str(before), str(reached()))
    finally:
        stage.processes["cordon-ledger"].send_signal(signal.SIGCONT)
    expect(within(10, lambda: reached() > before), "nothing flows again", seen(job))
    stage.request("GET", f"/v1/jobs/{job}?wait=30")
    all_of_it = reached()
    allowed = [entry for entry in record(job, "flow") if entry["verdict"] == "allowed"]
    expect(len(allowed) >= all_of_it, "GOT THROUGH without a record", str(len(allowed)), str(all_of_it))


def test_nothing_is_let_out_while_there_is_no_ledger():
    stage.ask_internet(do="forget")
    job = begin(["python3", "-c", TRIES], "15")
    stage.end("cordon-ledger", signal.SIGKILL)
    before = reached_at_rest()
    time.sleep(2)
    expect(reached() == before, "GOT THROUGH without a record", str(before), str(reached()))
    stage.start_ledger()
    expect(within(10, lambda: reached() > before), "nothing flows again", seen(job))
    stage.request("GET", f"/v1/jobs/{job}?wait=30")
    all_of_it = reached()
    allowed = [entry for entry in record(job, "flow") if entry["verdict"] == "allowed"]
    expect(len(allowed) >= all_of_it, "GOT THROUGH without a record", str(len(allowed)), str(all_of_it))


def test_many_flows_that_are_decided_at_once_are_all_let_out_and_all_on_the_record():
    stage.ask_internet(do="forget")
    job = begin(["python3", "-c", BURST], "120", profile="burst")
    stage.processes["cordon-egress"].send_signal(signal.SIGSTOP)
    try:
        expect(within(20, lambda: "asked" in seen(job)["stdout"]), seen(job))
    finally:
        stage.processes["cordon-egress"].send_signal(signal.SIGCONT)
    done = stage.request("GET", f"/v1/jobs/{job}?wait=40")[1]
    expect(done["stdout"].split() == ["flows", "asked", "120"], done)
    expect(reached() == 121, str(reached()))
    expect(len(record(job, "flow")) == 121, str(len(record(job, "flow"))))


def test_what_a_flow_came_to_is_on_the_record_even_when_its_job_was_told_before_that_was_known():
    job = begin(["bash", "-c", HOLD])
    stage.processes["cordon-egress"].send_signal(signal.SIGSTOP)
    try:
        stage.request("DELETE", f"/v1/jobs/{job}")
        done = stage.request("GET", f"/v1/jobs/{job}?wait=20")[1]
        expect(done["state"] == "finished", done)
        expect(record(job, "flow") and not record(job, "flow_closed"), "its end cannot be known yet", record(job, "flow_closed"))
    finally:
        stage.processes["cordon-egress"].send_signal(signal.SIGCONT)
    closed = within(10, lambda: record(job, "flow_closed"))
    expect(closed and closed[0]["bytes_up"] == 1 and closed[0]["bytes_down"] == 1, closed)
    expect(went_well(curl("https://www.example.com/")), "and the next job is served")


def test_the_record_of_all_that_is_whole():
    ran = subprocess.run([f"{stage.bin}/cordon", "evidence", "verify", "--dir", stage.directory + "/state/ledger"],
                         capture_output=True, text=True)
    expect(ran.returncode == 0, ran.stdout, ran.stderr)


if __name__ == "__main__":
    wide = {"max_connections": 1024, "rate": {"connections_per_second": 1024, "bytes_per_second": 1 << 30}}
    play(globals(), config={"evidence": "on"}, prepare=lambda: stage.profile(
        "burst", [{"name": "echo.example.com", "ports": [7000], "mode": "raw", **wide}]))
