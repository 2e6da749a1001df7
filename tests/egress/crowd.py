"""Many sandboxes of tier B at once, each with one flow that it holds."""
import time

from scene import expect, stage

HOLD = "exec 3<>/dev/tcp/$0/$1 && printf h >&3 && read -r -N1 <&3 && exec sleep 600"
LIMITS = {"wall_ms": 600000, "memory_bytes": 20 << 20, "scratch_bytes": 2 << 20, "file_bytes": 2 << 20, "pids": 8,
          "cpus": 0.1}
NAME, PORT = "echo.example.com", 7000


def config(sandboxes):
    return {"max_running": sandboxes + 50, "max_queued": 4 * sandboxes + 200}


def submit(sandboxes, profile="web", name=NAME, port=PORT, **more):
    jobs = []
    for _ in range(sandboxes):
        status, job = stage.request("POST", "/v1/jobs", {"argv": ["bash", "-c", HOLD, name, str(port)], "profile": profile,
                                                          "limits": LIMITS, **more})
        expect(status == 202, str(status), job)
        jobs.append(job["id"])
    return jobs


def gather(sandboxes, live, patience=300, **where):
    """Submits them, and waits until `live`() says that the far side has all of their flows."""
    jobs = submit(sandboxes, **where)
    wait_for(sandboxes, live, patience)
    return jobs


def wait_for(flows, live, patience=300):
    deadline = time.monotonic() + patience
    while (now := live()) < flows and time.monotonic() < deadline:
        time.sleep(0.1)
    expect(now == flows, f"{now} flows of {flows}")


def kill_all(receipts=6):
    """The jobs that were killed, once none survives. A receipt comes after 5 s at the latest, and says how many ends are not
    known by then: it is asked for again, so many times at most. Nothing starts before release()."""
    killed = set()
    for _ in range(receipts):
        status, receipt = stage.request("PUT", "/v1/kill/all", {"reason": "tests"}, operator=True)
        expect(status == 200, str(status), receipt)
        killed |= set(receipt["killed"])
        if receipt["survivors"] == 0:
            return killed
    raise AssertionError(f"{receipt['survivors']} survive")


def release():
    status, answer = stage.request("DELETE", "/v1/kill/all", operator=True)
    expect(status == 200, str(status), answer)
