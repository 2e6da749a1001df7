import sys
sys.stderr.close()
raise LookupError("unseen")
