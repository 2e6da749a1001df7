import sys, beside
print(sys.argv, sys.path[0], __file__, __name__, __spec__)
1 / 0
