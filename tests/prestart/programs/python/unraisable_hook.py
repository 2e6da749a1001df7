import sys
sys.unraisablehook = lambda u: print(u.exc_type, u.exc_value, u.err_msg, u.exc_traceback.tb_lineno)
class C:
    def __del__(self):
        raise ValueError("in a destructor")
C()
