from __future__ import annotations
def f(x: undefined_name): pass
print(f.__annotations__)
x: also_undefined = 1
print(__annotations__, annotations)
print(eval("lambda y: y").__code__.co_flags, compile("1", "x", "eval").co_flags)
