import os
print("lost in a buffer")
os._exit(6)
