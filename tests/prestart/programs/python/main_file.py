import os, sys
print(globals().get("__file__"), globals().get("__cached__", "unset"), sys.argv[0], repr(sys.path[0]))
print(os.path.exists(globals().get("__file__", "nothing")))
