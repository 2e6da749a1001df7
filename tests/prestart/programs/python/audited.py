import sys
sys.addaudithook(lambda event, args: print(event, args if event.startswith("cpython") else "", file=sys.stderr))
1 / 0
