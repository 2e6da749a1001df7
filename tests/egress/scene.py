"""What the promises of egress end to end have in common: the profiles, the names, curl, and how they are run.

Each of them is a program: PROGRAM BIN_DIR [WORD]: as root; only tests with WORD in their name.
"""
import json
import pathlib
import sys
import time

from stage import Stage

stage = Stage(sys.argv[1])
SERVER, RETRIES, OTHER = "93.184.216.34", "93.184.216.35", "93.184.216.99"

WEB = [{"name": "www.example.com", "ports": [443], "mode": "passthrough", "max_bytes_down": 4 << 20},
       {"name": "plain.example.net", "ports": [80], "mode": "http"},
       {"name": "*.wild.example.com", "ports": [443], "mode": "passthrough"},
       {"name": "echo.example.com", "ports": [7000, 7001, 7002], "mode": "raw", "max_bytes_up": 1 << 20,
        "max_bytes_down": 1 << 20}]


def begin(prepare, config):
    stage.enter_network()
    stage.start_internet()
    for name in ("www.example.com", "a.wild.example.com", "echo.example.com", "plain.example.net"):
        stage.name(name, SERVER)
    stage.name("evil.example.com", OTHER)
    stage.name("retry.wild.example.com", RETRIES)
    stage.profile("web", WEB)
    stage.profile("one", [WEB[0]])
    stage.profile("late", [dict(WEB[0], expires="2020-01-01T00:00:00Z")])
    stage.profile("root", [WEB[0]], root_inside=True)
    stage.profile("places", [{"cidr": cidr, "ports": [port], "mode": "raw"} for cidr, port in
                             ((SERVER, 7000), ("10.1.2.0/24", 7000), ("192.0.2.0/24", 7000), (SERVER, 7001))])
    stage.profile("none", [])
    stage.profile("null", None)
    url = {"type": "object", "properties": {"url": {"type": "string", "maxLength": 200}}, "required": ["url"]}
    for name, egress in (("fetch", [{"name": "www.example.com"}]), ("lookup", []), ("whatever", None)):
        stage.tool(name, argv=["curl", "-sSk", "--max-time", "5", {"input": "/url"}], input=url, profile="web",
                   **({} if egress is None else {"egress": egress}))
    prepare()
    stage.start(config)


def expect(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(w) if isinstance(w, str) else json.dumps(w)[:3000] for w in what))


def sent():
    """Packets and bytes that any interface of this network has sent."""
    total = 0
    for line in pathlib.Path("/proc/self/net/dev").read_text().splitlines()[2:]:
        total += int(line.split(":")[1].split()[9])
    return total


def reached():
    """How many connections to port 7000 the internet has seen."""
    return len([c for c in stage.ask_internet(do="counts")["connections"] if c["port"] == 7000])


def reached_at_rest():
    """The same, once what had begun before has arrived: some seconds at most, whatever goes on."""
    before = -1
    for _ in range(5):
        now = reached()
        if now == before:
            break
        before = now
        time.sleep(1)
    return before


def lingering(argv):
    """The same, which goes on for a moment: what it has closed comes to its end before the job's end would cut it."""
    return ["sh", "-c", '"$@"; code=$?; sleep 0.5; exit $code', "sh", *argv]


def curl(url, *more, profile="web", **job):
    return stage.job(lingering(["curl", "-sS", "--max-time", "8", "--cacert", "ca.pem", *more, url]), profile=profile,
                     files=[stage.certificate()], **job)


def went_well(job):
    return job["outcome"] == {"kind": "exited", "code": 0}


def main(tests, prepare, config):
    words = sys.argv[2:]
    begin(prepare, config)
    failed = 0
    for name, test in list(tests.items()):
        if not name.startswith("test_") or (words and not any(word in name for word in words)):
            continue
        sentence = name[5:].replace("_", " ")
        try:
            test()
            print("ok      ", sentence, flush=True)
        except Exception as error:  # each is told, and the others go on
            failed += 1
            print("NOT OK  ", sentence, "\n        ", type(error).__name__, error, flush=True)
    if failed:
        for log in ("launcher", "cordond", "cordon-egress"):
            print("---", log, stage.log(log)[-3000:], sep="\n")
    return 1 if failed else 0


def play(tests, prepare=lambda: None, config=None):
    """Every test_… of `tests`, which are a program's globals(); `prepare`: what it needs besides, before the instance is started."""
    code = 1
    try:
        code = main(tests, prepare, config)
    finally:
        stage.close()
    sys.exit(code)
