import sys
x = []
for _ in range(100000):
    x = [x]
print("made")
del x
try:
    eval("(" * 300 + ")" * 300)
except (SyntaxError, MemoryError, RecursionError) as e:
    print(type(e).__name__, e.args[:1])
