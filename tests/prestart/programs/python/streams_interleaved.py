import os, sys
print("buffered")
print("to stderr", file=sys.stderr)
os.write(1, b"written at once\n")
print("buffered too")
os.dup2(1, 2)
print("stderr on stdout", file=sys.stderr)
