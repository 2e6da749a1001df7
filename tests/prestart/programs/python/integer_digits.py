import sys
print(getattr(sys.flags, "int_max_str_digits", None))
print(int("1" * 5000) % 7 if not hasattr(sys, "get_int_max_str_digits") else "")
int("1" * 5000)
