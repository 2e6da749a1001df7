import threading, _thread
print(threading.enumerate()[0].name, threading.main_thread() is threading.current_thread())
print(threading.main_thread().ident == threading.get_ident(), _thread._count(), threading.active_count())
print(threading.get_native_id() == __import__("os").getpid())
