# cordon: only command
import multiprocessing as m
def f(): print("child")
if __name__ == "__main__":
    p = m.get_context("spawn").Process(target=f)
    p.start()
    p.join()
    print(p.exitcode)
