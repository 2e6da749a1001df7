import os, sys
pid = os.fork()
if pid == 0:
    raise ValueError("in the child")
print(os.waitpid(pid, 0)[1])
