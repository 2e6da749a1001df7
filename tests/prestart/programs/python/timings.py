import time
print(time.process_time() < 20, time.perf_counter() > 0, time.thread_time() >= 0)
