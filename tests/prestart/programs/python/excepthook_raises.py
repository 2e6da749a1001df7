import sys
def hook(*a):
    raise RuntimeError("in the hook")
sys.excepthook = hook
raise LookupError("first")
