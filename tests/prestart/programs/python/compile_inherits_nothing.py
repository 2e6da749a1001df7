import __future__
print(compile("def f(x: y): pass", "<c>", "exec").co_flags & __future__.annotations.compiler_flag)
