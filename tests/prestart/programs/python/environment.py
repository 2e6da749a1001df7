# cordon: env TOKEN=secret=with=signs
# cordon: env EMPTY=
# cordon: env ÜMLAUT=ä
import os, posix
print(os.environ)
print(list(os.environb.items()))
print(posix.environ == dict(os.environb), os.environ._data is posix.environ)
print(os.getenv("TOKEN"), os.getenv("LD_PRELOAD"), [n for n in os.environ if "CORDON" in n])
