import builtins
print(sorted(vars(builtins)), builtins.open, hasattr(builtins, "_"))
print(exit, quit, type(copyright))
