import sys
try:
    print(open(sys.argv[0]).read())
except OSError as e:
    print(e)
