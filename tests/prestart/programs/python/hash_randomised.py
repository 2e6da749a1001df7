import sys, subprocess
print(sys.flags.hash_randomization)
here = hash("a word")
there = int(subprocess.run([sys.executable, "-c", "print(hash('a word'))"], capture_output=True).stdout)
print(here == there)
