import sys
print(hasattr(sys, "ps1"), bool(getattr(sys.flags, "interactive")), sys.flags.inspect)
help(len)
