"""What an instance holds of the machine, as the kernel tells it: what tests compare before and after, and benchmarks tell."""
import dataclasses
import os
import pathlib
import time


@dataclasses.dataclass
class Counts:
    processes: int  # of the daemons and everything below them
    networks: int  # network namespaces of these
    cgroups: int
    fds: dict  # of each daemon, by its name
    established: int  # TCP connections of the network that the instance is in

    def __str__(self):
        fds = ", ".join(f"{n} in {name}" for name, n in self.fds.items())
        return (f"{self.processes} processes, {self.networks} network namespaces, {self.cgroups} cgroups, "
                f"{self.established} connections, descriptors: {fds}")


def parents():
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = pathlib.Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue  # gone
        found[int(entry)] = int(text.rpartition(")")[2].split()[1])
    return found


def below(roots):
    """These processes and their descendants."""
    children = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found, todo = set(), list(roots)
    while todo:
        pid = todo.pop()
        found.add(pid)
        todo += children.get(pid, [])
    return found


def network_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return None  # gone


def cgroups_of(instance):
    found = 0
    for directory, _, _ in os.walk("/sys/fs/cgroup"):
        found += f"cordon-{instance}" in directory.split("/")
    return found


def connections():
    lines = pathlib.Path("/proc/self/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[3] == "01" for line in lines)


def count(stage):
    pids = {name: stage.processes[name].pid for name in ("launcher", "cordond", "cordon-egress")}
    processes = below(pids.values())
    return Counts(len(processes), len({network_of(pid) for pid in processes} - {None}), cgroups_of(stage.ids["INSTANCE"]),
                  {name: len(os.listdir(f"/proc/{pid}/fd")) for name, pid in pids.items()}, connections())


def count_at_rest(stage, patience=30):
    """Once it has been the same for a while."""
    last, since = count(stage), time.monotonic()
    deadline = since + patience
    while time.monotonic() < deadline:
        time.sleep(0.2)
        now = count(stage)
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > 1:
            return now
    return last


def settled_at(stage, expected, patience=60):
    """What it is once it is that, or after that time."""
    deadline = time.monotonic() + patience
    while (now := count(stage)) != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    return now


def memory_of(pid):
    """Bytes that are its own alone (proc(5), smaps_rollup)."""
    total = 0
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(("Private_Clean:", "Private_Dirty:")):
            total += int(line.split()[1]) << 10
    return total


def memory_available():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    raise RuntimeError("no MemAvailable in /proc/meminfo")
