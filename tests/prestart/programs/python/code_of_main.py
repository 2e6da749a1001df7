import sys
code = sys._getframe().f_code
print(code.co_name, code.co_filename, code.co_firstlineno, code.co_flags, getattr(code, "co_qualname", ""))
print(code.co_names[:2], code.co_stacksize)
