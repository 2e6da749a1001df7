import subprocess, sys
subprocess.run(["/bin/ls", "/proc/self/fd"], close_fds=False)
