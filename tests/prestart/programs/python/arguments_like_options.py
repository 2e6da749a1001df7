# cordon: arguments -c -m -x --help -V
import sys, argparse
print(sys.argv)
p = argparse.ArgumentParser()
p.add_argument("-x", action="store_true")
p.parse_args()
