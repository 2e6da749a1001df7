def make(n):
    try:
        raise ValueError(n)
    except ValueError as e:
        return e
try:
    kind = ExceptionGroup
except NameError:
    kind = lambda message, errors: RuntimeError(message, [repr(e) for e in errors])
raise kind("several", [make(1), kind("nested", [make(2), TypeError("no traceback")])])
