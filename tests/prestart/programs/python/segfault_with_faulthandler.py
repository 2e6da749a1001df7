import faulthandler
faulthandler.enable()
def f():
    faulthandler._sigsegv()
f()
