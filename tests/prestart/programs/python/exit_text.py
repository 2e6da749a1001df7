import sys
print("before")
sys.exit("out of cheese \u00e9")
