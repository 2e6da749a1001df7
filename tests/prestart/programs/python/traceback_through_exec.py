exec(compile("def g():\n    raise ValueError('made')\n", "<made>", "exec"))
def f():
    g()
f()
