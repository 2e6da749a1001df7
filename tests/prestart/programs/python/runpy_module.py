import runpy, sys
sys.argv = ["x"]
print(sorted(runpy.run_module("this" if False else "keyword"))[:3])
