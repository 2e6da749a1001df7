import sys
sys.stderr = None
raise LookupError("unseen")
