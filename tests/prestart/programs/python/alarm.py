import signal, time
signal.signal(signal.SIGALRM, lambda *a: print("rang"))
signal.setitimer(signal.ITIMER_REAL, 0.02)
signal.pause()
signal.signal(signal.SIGALRM, signal.SIG_DFL)
signal.setitimer(signal.ITIMER_REAL, 0.02)
time.sleep(5)
