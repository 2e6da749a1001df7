"""A docstring."""
x: int = 1
y: "str"
print(globals().get("__annotations__"), __doc__)
