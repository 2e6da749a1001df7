import inspect, sys, traceback
def f():
    frame, names = sys._getframe(), []
    while frame:
        names.append((frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return names
print(f())
print([(s.function, s.lineno, s.code_context) for s in inspect.stack()])
print(sys._getframe().f_back, sys._getframe().f_globals is sys._getframe().f_locals)
traceback.print_stack()
try:
    sys._getframe(1)
except ValueError as e:
    print(e)
