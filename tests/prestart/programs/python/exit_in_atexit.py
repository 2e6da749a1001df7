import atexit, sys
atexit.register(sys.exit, 4)
atexit.register(print, "first")
