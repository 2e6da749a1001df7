import __main__
print(__main__.__name__, __main__.x if hasattr(__main__, "x") else "not yet")
x = 1
import importlib
try:
    importlib.reload(__main__)
except Exception as e:
    print(type(e), e)
