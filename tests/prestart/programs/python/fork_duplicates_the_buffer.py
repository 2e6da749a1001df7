import os
print("twice")
if os.fork() == 0:
    os._exit(0) if False else print("child")
else:
    os.wait()
    print("parent")
