import sys
def hook(*a):
    raise KeyboardInterrupt
sys.excepthook = hook
1 / 0
