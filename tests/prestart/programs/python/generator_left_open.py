def g():
    try:
        yield 1
    finally:
        print("closed at the end")
x = g()
next(x)
