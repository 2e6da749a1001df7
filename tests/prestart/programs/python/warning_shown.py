import warnings
def f():
    warnings.warn("mine")
    warnings.warn("the caller's", stacklevel=2)
    warnings.warn("beyond the top", stacklevel=9)
f()
f()
