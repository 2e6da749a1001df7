# cordon: command python3 ./a/../main.py x
import sys
print(sys.argv, sys.path[0], __file__)
1 / 0
