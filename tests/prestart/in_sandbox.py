# The launcher's part, played by a job: holds an interpreter, and gives it a program.
import os, socket, struct, sys

def text(s): b = s.encode(); return struct.pack("<I", len(b)) + b
def texts(l): return struct.pack("<I", len(l)) + b"".join(map(text, l))

ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
payload, library = os.open("payload", os.O_RDWR | os.O_CREAT), os.open("cordon-prestart.so", os.O_RDONLY)
for fd in (theirs.fileno(), payload, library): os.set_inheritable(fd, True)
env = {n: os.environ[n] for n in ("PATH", "HOME", "LANG", "TMPDIR")}
room = " " * 4096
held = dict(env, CORDON_PRESTART_ROOM=room, LD_PRELOAD=f"/proc/self/fd/{library}", CORDON_PRESTART=f"{theirs.fileno()}:{payload}:{library}")
child = os.fork()
if child == 0:
    os.execvpe("python3", ["python3", room], held)
theirs.close()
print(ours.recv(8192), flush=True)
code = "import sys; print(sys.argv, open('written').read()); sys.exit(7)"
files = struct.pack("<I", 1) + text("written") + struct.pack("<IQ", 0o644, 2) + b"hi"
os.write(payload, struct.pack("<I", 1) + texts(["python3", "-c", code, "x"]) + texts([f"{n}={v}" for n, v in env.items()]) + text(".") + files)
ours.send(b"j")
print(ours.recv(8192), flush=True)
print(open(f"/proc/{child}/cmdline").read().rstrip(chr(0)).split(chr(0)), flush=True)
ours.send(b"g")
print(os.waitstatus_to_exitcode(os.wait()[1]))
