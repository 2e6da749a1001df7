# cordon: arguments one --two=2 -3 ünïcode -- - ""
import sys
print(sys.argv, getattr(sys, "orig_argv", None))
