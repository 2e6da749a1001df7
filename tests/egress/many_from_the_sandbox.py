#!/usr/bin/python3
"""Promises of egress, end to end, of many sandboxes: those without grants send nothing, those with grants nothing else,
and those with flows leave nothing. As root; usage: many_from_the_sandbox.py BIN_DIR [WORD]: only tests with WORD in their name.
CORDON_TEST_JOBS and CORDON_TEST_SANDBOXES: how many; ctest's label long has 1,000 of each.
"""
import concurrent.futures
import json
import os
import time

import counts
import crowd
from scene import SERVER, expect, play, sent, stage, went_well

JOBS = int(os.environ.get("CORDON_TEST_JOBS", "60"))
SANDBOXES = int(os.environ.get("CORDON_TEST_SANDBOXES", "40"))
UNDER_ONE_GRANT = max(SANDBOXES, 400)  # more than a Unix socket holds messages of

# Every way to say something that a program has without rights; what got an answer, or seems to have been sent.
PROBES = """
import itertools, json, socket, sys
tried, got = 0, []
def attempt(what, how):
    global tried
    tried += 1
    try:
        how()
        got.append(what)
    except OSError:
        pass
def tcp(address, port):
    with socket.create_connection((address, port), 1): pass
def udp(address, port):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s: s.sendto(b'x', (address, port))
def made(family, kind, protocol):
    with socket.socket(family, kind, protocol): pass
def fast_open():  # TCP_FASTOPEN_CONNECT
    with socket.socket() as s:
        s.setsockopt(socket.IPPROTO_TCP, 30, 1); s.connect((sys.argv[1], 80)); s.send(b'x')
hosts = (sys.argv[1], '11.0.0.2', '9.9.9.9', '198.18.0.1', '198.18.0.7', '169.254.169.254', '10.0.0.1', '224.0.0.1',
         '255.255.255.255')
for host, port in itertools.product(hosts, (53, 80, 443)):
    attempt(f'tcp {host} {port}', lambda: tcp(host, port))
    attempt(f'udp {host} {port}', lambda: udp(host, port))
for host in ('2606:4700::1111', 'fe80::1', 'ff02::1', '::ffff:' + sys.argv[1]):
    attempt(f'tcp {host}', lambda: tcp(host, 443))
    attempt(f'udp {host}', lambda: udp(host, 53))
for family, kind, protocol in ((2, 3, 1), (2, 3, 255), (2, 2, 1), (17, 3, 3), (17, 2, 3), (16, 3, 0), (40, 1, 0), (44, 3, 0),
                               (38, 5, 0), (2, 1, 132), (2, 1, 262)):
    attempt(f'family {family} {kind} {protocol}', lambda: made(family, kind, protocol))
attempt('fast open', fast_open)
for name in ('www.example.com', 'localhost.evil.test'):
    attempt(f'name {name}', lambda: socket.getaddrinfo(name, 443))
print(json.dumps([tried, got]))
"""


def probe(number):
    job = stage.job(["python3", "-c", PROBES, SERVER], profile=("default", "none", "null")[number % 3])
    expect(went_well(job), job)
    tried, got = json.loads(job["stdout"])
    expect(tried >= 70, job)
    # A netlink socket speaks with this namespace's kernel alone; the profile may let it be made.
    expect(set(got) <= {"family 16 3 0"}, "GOT THROUGH", job["stdout"])
    expect(job["network"] == [] and "egress" not in json.dumps(job["enforced"]), job["network"], job["enforced"])
    return tried


def test_jobs_without_grants_send_no_packet_whatever_they_try():
    stage.ask_internet(do="forget")
    flows_before, before = stage.request("GET", "/v1/info")[1]["egress"], sent()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        tries = sum(pool.map(probe, range(JOBS)))
    seen = stage.ask_internet(do="counts")
    expect(seen["packets"] == {} and seen["queries"] == [] and seen["connections"] == [], "GOT THROUGH", seen)
    expect(sent() == before, f"{sent() - before} packets were sent")
    expect(stage.request("GET", "/v1/info")[1]["egress"] == flows_before, "cordon-egress had to do with it")
    print(f"          {JOBS} jobs, {tries} tries")


def test_jobs_with_grants_send_nothing_that_is_not_for_one_whatever_they_try():
    stage.ask_internet(do="forget")
    for profile in ("web", "places", "root"):
        job = stage.job(["python3", "-c", PROBES, SERVER], profile=profile)
        expect(went_well(job), job)
        tried, got = json.loads(job["stdout"])
        expect(tried >= 70, job)
        # The resolver and the listeners are inside; what connected to them was for no granted name.
        outside = [what for what in got if what.startswith(("tcp ", "fast")) and " 198.18.0." not in what]
        expect(outside == [], "GOT THROUGH", job["stdout"])
        expect({flow["verdict"] for flow in job["network"]} <= {"denied"}, "GOT THROUGH", job["network"])
    seen = stage.ask_internet(do="counts")
    expect(seen["packets"] == {} and seen["queries"] == [] and seen["connections"] == [], "GOT THROUGH", seen)


def echoes():
    return [c for c in stage.ask_internet(do="counts")["connections"] if c["port"] == crowd.PORT]


def live():
    return sum(c["ended"] == "open" and c["out"] == 1 for c in echoes())


def come_and_go():
    """All of them, until they are killed; every flow is reset, and told with the bytes that the far side has counted."""
    stage.ask_internet(do="forget")
    rest = counts.count(stage)
    jobs = crowd.gather(SANDBOXES, live)
    full = counts.count(stage)
    expect(full.networks >= rest.networks + SANDBOXES and full.processes >= rest.processes + 2 * SANDBOXES, str(full))
    expect(full.established >= SANDBOXES and full.fds["cordon-egress"] > rest.fds["cordon-egress"] + SANDBOXES, str(full))
    killed = crowd.kill_all()
    try:
        expect(killed == set(jobs), f"{len(killed)} of {len(jobs)} were killed")
        ended = [c["ended"] for c in echoes()]
        expect(ended == ["reset"] * SANDBOXES, {word: ended.count(word) for word in set(ended)})
        for job in jobs:
            job = stage.request("GET", f"/v1/jobs/{job}?wait=20")[1]
            told = [(f["name"], f["verdict"], f["reason"], f["bytes_up"], f["bytes_down"]) for f in job["network"]]
            expect(job["outcome"]["kind"] == "killed" and told == [(crowd.NAME, "allowed", "job_ended", 1, 1)], job)
    finally:
        crowd.release()


def memory_of_daemons():
    return {name: counts.memory_of(stage.processes[name].pid) for name in ("launcher", "cordon-egress")}


def test_many_sandboxes_with_a_flow_each_leave_the_machine_as_it_was():
    for _ in range(3):
        expect(went_well(stage.job(["true"])), "a first job")
    before = counts.count_at_rest(stage)
    memory = [memory_of_daemons()]
    for _ in range(3):
        come_and_go()
        after = counts.settled_at(stage, before)
        expect(after == before, f"before: {before}; after: {after}")
        figures = stage.request("GET", "/v1/info")[1]["egress"]
        expect(figures["jobs"] == 0 and figures["flows"] == 0, figures)
        time.sleep(1.5)  # cordon-egress gives back a second after the last
        memory.append(memory_of_daemons())
    for name in memory[0]:
        grown = memory[-1][name] - memory[0][name]
        expect(grown < (1 << 20) + 2 * SANDBOXES * 512, f"{name} grew by {grown} bytes", memory)
    print(f"          3 times {SANDBOXES} sandboxes; {before}; memory {memory[-1]}")


def test_revoking_a_grant_that_many_jobs_run_under_cuts_all_of_their_flows_and_no_other():
    stage.ask_internet(do="forget")
    status, grant = stage.request("POST", "/v1/grants", {"uid": os.getuid()}, operator=True)
    expect(status == 201, str(status), grant)
    crowd.gather(1, live)
    jobs = crowd.submit(UNDER_ONE_GRANT, grant=grant["grant"])
    try:
        crowd.wait_for(UNDER_ONE_GRANT + 1, live)
        status, done = stage.request("DELETE", f"/v1/grants/{grant['name']}", operator=True)
        expect(status == 200 and set(done["cut"]) == set(jobs) and done["all_cut"], str(done)[:300])
        ended = [c["ended"] for c in echoes()]
        expect(sorted(ended) == ["open"] + ["reset"] * UNDER_ONE_GRANT, {word: ended.count(word) for word in set(ended)})
        figures = stage.request("GET", "/v1/info")[1]["egress"]
        expect(figures["state"] == "serving" and figures["flows"] == 1, figures)
        flows = [f["reason"] for job in jobs for f in stage.request("GET", f"/v1/jobs/{job}")[1]["network"]]
        expect(flows == ["grant_revoked"] * UNDER_ONE_GRANT, {word: flows.count(word) for word in set(flows)})
    finally:
        crowd.kill_all()
        crowd.release()


if __name__ == "__main__":
    play(globals(), config=crowd.config(UNDER_ONE_GRANT))
