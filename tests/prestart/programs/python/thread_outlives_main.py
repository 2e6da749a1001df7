import threading, time
def f():
    time.sleep(0.05)
    print("the thread ends last")
threading.Thread(target=f).start()
print("main ends")
