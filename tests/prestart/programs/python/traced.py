import sys
seen = []
sys.setprofile(lambda frame, event, arg: seen.append((event, frame.f_code.co_name)))
def f():
    return len("x")
f()
sys.setprofile(None)
print(seen)
sys.settrace(lambda frame, event, arg: print(event, frame.f_code.co_name, frame.f_lineno))
f()
