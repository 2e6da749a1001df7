import ctypes
libc = ctypes.CDLL(None)
print(libc.getpid() == __import__("os").getpid())
argc, argv = ctypes.c_int(), ctypes.POINTER(ctypes.c_wchar_p)()
print(ctypes.c_char_p.in_dll(libc, "program_invocation_short_name").value)
libc.getenv.restype = ctypes.c_char_p
print(libc.getenv(b"HOME"), libc.getenv(b"LD_PRELOAD"))
