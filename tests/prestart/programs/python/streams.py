import sys
for s in (sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__):
    print(repr(s), s.encoding, s.errors, s.line_buffering, s.write_through, s.newlines, s.name, s.mode, s.fileno(),
          s.isatty(), s.closed, s.readable(), s.writable(), s.seekable(), s.buffer, s.buffer.raw)
print(sys.stdout is sys.__stdout__)
