import os, stat
for name in sorted(os.listdir("/proc/self/fd"), key=int):
    try:
        s = os.fstat(int(name))
        print(name, stat.S_IFMT(s.st_mode), os.get_inheritable(int(name)))
    except OSError as e:
        print(name, e)
print(os.dup(0))
