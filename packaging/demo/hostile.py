"""What an agent's code must never get away with. Each attempt says how it went; the last one does not come back."""

import ctypes
import errno
import os
import signal
import socket

libc = ctypes.CDLL(None, use_errno=True)
got_through = 0


def attempt(what, action):
    global got_through
    try:
        result = action()
        got_through += 1
        print(f"  {what:34} GOT THROUGH: {result!r}", flush=True)
    except OSError as error:
        print(f"  {what:34} refused: {errno.errorcode.get(error.errno, error.errno)}", flush=True)


def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
    return "done"


def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(3)
        sock.connect(address)
        return address


def fork_bomb():
    """Every process forks until the kernel says no; all wait, so that none makes room for another."""
    children = 0
    while True:
        try:
            pid = os.fork()
        except OSError as error:
            print(f"  {'a fork bomb':34} refused: {errno.errorcode[error.errno]} after {children} processes", flush=True)
            return
        if pid == 0:
            while True:
                signal.pause()
        children += 1
        if children > 5000:
            print(f"  {'a fork bomb':34} GOT THROUGH", flush=True)
            return


CLONE_NEWUSER, CLONE_NEWNS, MS_BIND, AF_VSOCK, AF_PACKET = 0x10000000, 0x20000, 4096, 40, 17
attempt("read /etc/shadow", lambda: open("/etc/shadow").read(40))
attempt("read root's ssh key", lambda: os.listdir("/root/.ssh"))
attempt("write into /usr/bin", lambda: open("/usr/bin/owned", "w"))
attempt("read the host's memory", lambda: open("/proc/kcore", "rb").read(1))
attempt("signal a process of the host", lambda: os.kill(2147483, signal.SIGKILL))
attempt("become root", lambda: os.setuid(0))
attempt("a new user namespace", lambda: call("unshare", CLONE_NEWUSER))
attempt("a new mount namespace", lambda: call("unshare", CLONE_NEWNS))
attempt("mount over /etc", lambda: call("mount", b"/tmp", b"/etc", None, MS_BIND, None))
attempt("connect to the internet", lambda: connect(socket.AF_INET, ("1.1.1.1", 443)))
attempt("connect to the cloud's metadata", lambda: connect(socket.AF_INET, ("169.254.169.254", 80)))
attempt("a raw packet socket", lambda: socket.socket(AF_PACKET, socket.SOCK_RAW))
attempt("a socket to the hypervisor", lambda: socket.socket(AF_VSOCK, socket.SOCK_STREAM))
attempt("trace another process", lambda: call("ptrace", 16, 1, 0, 0))
fork_bomb()
print(f"  {got_through} attempts got through; now all the memory there is …", flush=True)
hoard = []
while True:
    hoard.append(bytearray(os.urandom(1 << 20)))
