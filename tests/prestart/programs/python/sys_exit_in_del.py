import sys
class C:
    def __del__(self):
        sys.exit(5)
c = C()
del c
print("goes on")
