import os, signal
os.kill(os.getpid(), signal.SIGINT)
for _ in range(1000):
    pass
print("not reached")
