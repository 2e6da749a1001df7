# cordon: only file
import multiprocessing as m, sys
print("top level of", __name__, flush=True)
def f(x):
    return x * 2, __name__, sys.argv, sys.flags.isolated
if __name__ == "__main__":
    with m.get_context("spawn").Pool(1) as pool:
        print(pool.map(f, [1, 2]))
