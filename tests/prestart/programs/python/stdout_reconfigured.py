import sys
sys.stdout.reconfigure(encoding="ascii", errors="backslashreplace", line_buffering=True)
print("\u2603")
