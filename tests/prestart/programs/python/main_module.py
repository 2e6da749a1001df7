import sys
for name, value in list(globals().items()):
    print(name, type(value).__name__, value if isinstance(value, (str, type(None), dict)) and name != "__builtins__" else "")
print(__name__, __spec__, __package__, __doc__, __builtins__, globals().get("__file__"), __loader__)
print(sys.modules["__main__"].__dict__ is globals(), sys.modules["__main__"])
