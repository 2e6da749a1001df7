import sys
sys.excepthook = None
raise LookupError("no hook")
