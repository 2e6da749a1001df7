import atexit
atexit.register(print, "atexit", flush=True)
raise KeyError("k")
