import inspect, linecache
def f():
    return 1
try:
    print(inspect.getsource(f))
except Exception as e:
    print(type(e), e)
print(linecache.getlines(f.__code__.co_filename)[:1])
