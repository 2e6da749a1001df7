import sys
print(sorted(vars(sys)))
print([n for n in ("ps1", "last_type", "last_exc", "tracebacklimit") if hasattr(sys, n)])
