import random, sys, subprocess
code = "import random; print(random.random())"
print(repr(random.random()) == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip())
