# cordon: stdin 0123456789\nabc\n
import os, sys
print(sys.stdin.tell(), os.lseek(0, 0, os.SEEK_CUR))
print(sys.stdin.read(3), sys.stdin.tell(), os.lseek(0, 0, os.SEEK_CUR))
sys.stdin.seek(0)
print(sys.stdin.buffer.readline(), sys.stdin.buffer.peek(2), os.fstat(0).st_size)
