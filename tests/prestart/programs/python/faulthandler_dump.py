import faulthandler
def inner():
    faulthandler.dump_traceback(all_threads=False)
def outer():
    inner()
outer()
