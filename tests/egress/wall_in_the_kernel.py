#!/usr/bin/python3
"""The packet filter behind cordon-egress, loaded as it is shipped, and tried as the user it holds, with what a process that
was taken over could do: each address that is denied, in each protocol that needs no privilege. Whatever leaves is seen on
the interfaces of a network of this test's own, which has a way to everywhere. As root; usage: wall_in_the_kernel.py BIN_DIR
"""
import ctypes
import errno
import json
import os
import pathlib
import select
import shutil
import socket
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(sys.argv[1]).resolve()
USER, OTHER_USER = 64801, 64802  # of nobody here
GRANTED, RESOLVER, RESOLVER6 = (443, 8443), "9.9.9.9", "2620:fe::fe"
PUBLIC, PUBLIC6 = "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"
OWN, OWN6 = "11.0.0.1", "2600:1::1"
FASTOPEN, UDPLITE = 0x20000000, 136

PRIVATE = ["10.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.0", "100.127.255.255", "172.16.0.0", "172.31.255.255",
           "192.168.0.0", "192.168.1.1", "192.168.255.255", "fc00::", "fc00::1", "fd12:3456::1",
           "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
DENIED = ["0.0.0.0", "0.0.0.1", "0.255.255.255", "127.0.0.1", "127.0.0.53", "127.255.255.254", "100.100.100.200",
          "168.63.129.16", "169.254.0.1", "169.254.169.254", "169.254.255.255", "192.0.0.0", "192.0.0.170", "192.0.2.1",
          "192.88.99.1", "198.18.0.1", "198.18.0.7", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250",
          "240.0.0.1", "254.1.2.3", "255.255.255.255", OWN, "11.0.0.255",
          "::", "::1", "::7f00:1", "::a00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0",
          "::ffff:0:127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1", "100::1",
          "2001::1", "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::1", "2620:4f:8000::1", "3ffe::1", "3fff::1", "4000::1", "5f00::1",
          "fe00::1", "fe80::1", "fec0::1", "ff02::1", "ff05::2", "fd00:ec2::254", "fd20:ce::254", OWN6]
KINDS = ("tcp", "fastopen", "udp", "udplite", "ping")


def run(*words):
    subprocess.run(words, check=True, capture_output=True)


def enter_network():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "unshare")
    for control, value in (("ipv4/ping_group_range", "0 2147483647"), ("ipv4/tcp_fastopen", "1"), ("ipv4/tcp_syn_retries", "1"),
                           ("ipv6/conf/all/accept_dad", "0"), ("ipv6/conf/default/accept_dad", "0")):
        pathlib.Path("/proc/sys/net/" + control).write_text(value)
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "out", "arp", "off", "type", "veth", "peer", "name", "far")
    pathlib.Path("/proc/sys/net/ipv6/conf/far/disable_ipv6").write_text("1")
    for end in ("far", "out"):
        run("ip", "link", "set", end, "up")
    run("ip", "address", "add", OWN + "/24", "dev", "out")
    run("ip", "-6", "address", "add", OWN6 + "/64", "dev", "out", "nodad")
    run("ip", "route", "add", "default", "dev", "out")
    run("ip", "-6", "route", "add", "default", "dev", "out")


class Sniffer:
    """Each packet on any interface that asks for something: a SYN, a datagram, an echo request. By protocol, address and port."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))  # ETH_P_ALL
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self.socket.setblocking(False)

    @staticmethod
    def read(packet):
        version = packet[0] >> 4
        if version == 4:
            protocol, to, rest = packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20]), packet[(packet[0] & 15) * 4:]
        elif version == 6:
            protocol, to, rest = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[40:]
        else:
            return None
        port = int.from_bytes(rest[2:4], "big")
        if protocol == 6 and rest[13] & 0x12 == 0x02:
            return "tcp", to, port
        if protocol in (17, UDPLITE):
            return ("udp" if protocol == 17 else "udplite"), to, port
        if (protocol, rest[0]) in ((1, 8), (58, 128)):
            return "ping", to, 0
        return None

    def seen(self):
        found = set()
        while select.select([self.socket], [], [], 0.2)[0]:
            try:
                found.add(self.read(self.socket.recv(65535)))
            except BlockingIOError:
                pass
        return found - {None}


def send(kind, address, port):
    """Nothing here waits. What the kernel answers at once is told: an errno, or 0."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    scope = (0, socket.if_nametoindex("out")) if address.startswith(("fe8", "ff0")) else ()
    to = (address, port, *scope)
    types = {"tcp": (socket.SOCK_STREAM, 0), "fastopen": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0),
             "udplite": (socket.SOCK_DGRAM, UDPLITE),
             "ping": (socket.SOCK_DGRAM, 58 if family == socket.AF_INET6 else 1)}
    try:
        with socket.socket(family, *types[kind]) as s:
            s.setblocking(False)
            if family == socket.AF_INET:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if kind == "tcp":
                return s.connect_ex(to)
            if kind == "fastopen":
                s.sendto(b"hello", FASTOPEN, to)
            elif kind == "ping":
                s.sendto(bytes([128 if family == socket.AF_INET6 else 8, 0, 0, 0, 0, 1, 0, 1]), to)
            else:
                s.sendto(b"hello", to)
            return 0
    except OSError as failed:
        return failed.errno


def as_user(uid, tries):
    """Sends as that user, in a process of its own; what the kernel said of each."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            with os.fdopen(write, "w") as out:
                json.dump([send(*one) for one in tries], out)
        finally:
            os._exit(0)  # without an answer the parent finds that out
    os.close(write)
    with os.fdopen(read) as told:
        answers = json.load(told)
    os.waitpid(pid, 0)
    return answers


def expect(condition, *what):
    if not condition:
        raise AssertionError(" ".join(map(str, what)))


def load_wall(directory, private_egress, *more):
    profile = json.loads((SOURCE / "profiles/data/default.json").read_text())
    profile.pop("prestart", None)
    profile["egress"] = [{"name": "www.example.com", "ports": list(GRANTED), "mode": "raw"}]
    os.makedirs(directory + "/profiles", exist_ok=True)
    pathlib.Path(directory + "/profiles/web.json").write_text(json.dumps(profile))
    for file in (SOURCE / "profiles/data").glob("*.seccomp.json"):
        shutil.copy(file, directory + "/profiles/")
    egress = {"resolvers": [RESOLVER, RESOLVER6], "private_egress": private_egress}
    pathlib.Path(directory + "/cordon.json").write_text(json.dumps({"profile_dirs": [directory + "/profiles"], "egress": egress}))
    run(BIN / "cordon-egress-wall", "--config", directory + "/cordon.json", "--instance", "test", "--uid", str(USER), *more)


def everything_at(addresses, ports=(443, 8443, 53, 22)):
    return [(kind, address, port) for address in addresses for kind in KINDS for port in (ports if kind != "ping" else (0,))]


def plain(address):
    """As a packet has it."""
    if address.startswith("::ffff:") and "." in address and address.count(":") == 3:
        return address[7:]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_ntop(family, socket.inet_pton(family, address))


def test_without_a_wall_all_of_it_would_leave(sniffer, _):
    as_user(USER, everything_at(DENIED + PRIVATE))
    there = {to for _, to, _ in sniffer.seen()}
    missing = {plain(a) for a in DENIED + PRIVATE} - there
    expect(missing <= {"0.0.0.0"}, "the rest of this test would not see", missing)  # which is 127.0.0.1 to the kernel


def test_with_it_nothing_leaves_to_a_denied_address(sniffer, directory):
    load_wall(directory, False)
    answers = as_user(USER, everything_at(DENIED + PRIVATE))
    got_through = sniffer.seen()
    expect(not got_through, "GOT THROUGH", sorted(got_through)[:20])
    expect(len(answers) == len(everything_at(DENIED + PRIVATE)), len(answers))


def test_who_sends_a_datagram_that_is_refused_knows_it_at_once(_, directory):
    load_wall(directory, False)
    tries = [(kind, to, 9) for kind in ("udp", "udplite") for to in ("127.0.0.1", PUBLIC, PUBLIC6)]
    answers = as_user(USER, tries)
    expect(answers == [errno.EPERM] * len(tries), [one for one in zip(tries, answers) if one[1] != errno.EPERM])


def test_to_public_addresses_only_tcp_to_granted_ports_leaves_and_port_53_to_the_resolvers_alone(sniffer, directory):
    load_wall(directory, False)
    as_user(USER, everything_at([PUBLIC, PUBLIC6, RESOLVER, RESOLVER6]))
    granted = {("tcp", to, port) for to in (PUBLIC, PUBLIC6, RESOLVER, RESOLVER6) for port in GRANTED}
    resolving = {(kind, to, 53) for to in (RESOLVER, RESOLVER6) for kind in ("tcp", "udp")}
    found = sniffer.seen()
    expect(found <= granted | resolving, "GOT THROUGH", sorted(found - granted - resolving))
    expect(found == granted | resolving, "held back", sorted((granted | resolving) - found))


def test_private_egress_opens_private_addresses_and_nothing_else(sniffer, directory):
    load_wall(directory, True)
    as_user(USER, everything_at([address for address in DENIED if plain(address) not in PRIVATE]))
    got_through = sniffer.seen()
    expect(not got_through, "GOT THROUGH", sorted(got_through)[:20])
    as_user(USER, everything_at(PRIVATE))
    found, wanted = sniffer.seen(), {("tcp", plain(to), port) for to in PRIVATE for port in GRANTED}
    expect(found == wanted, "GOT THROUGH" if found - wanted else "held back", sorted(found ^ wanted)[:20])


def test_of_no_other_user_is_anything_held_back(sniffer, directory):
    load_wall(directory, False)
    as_user(OTHER_USER, [("tcp", "10.0.0.1", 22), ("udp", PUBLIC, 9), ("udp", "fd12:3456::1", 9)])
    expect(sniffer.seen() == {("tcp", "10.0.0.1", 22), ("udp", PUBLIC, 9), ("udp", "fd12:3456::1", 9)}, "another user")


def main():
    if os.geteuid() != 0:
        return 77
    failed = 0
    directory = tempfile.mkdtemp(prefix="cordon-egress-test-")
    try:
        enter_network()
        sniffer = Sniffer()
        for name, test in list(globals().items()):
            if not name.startswith("test_"):
                continue
            sniffer.seen()
            try:
                test(sniffer, directory)
                print("ok      ", name[5:].replace("_", " "), flush=True)
            except Exception as error:  # each is told, and the others go on
                failed += 1
                print("NOT OK  ", name[5:].replace("_", " "), "\n        ", type(error).__name__, error, flush=True)
    finally:
        shutil.rmtree(directory)
    return 1 if failed else 0


sys.exit(main())
