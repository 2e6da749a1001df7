import subprocess, sys
print(subprocess.run([sys.executable, "-c", "import sys; print(sys.argv, sys.flags); 1/0", "x"], capture_output=True))
