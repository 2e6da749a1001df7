# cordon: stdin one\ntwo\nthree
import sys
print(input())
for line in sys.stdin:
    print(repr(line))
try:
    input("more? ")
except EOFError as e:
    print(repr(e))
