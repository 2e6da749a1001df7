# cordon: arguments a b
import os, subprocess
subprocess.run(["/bin/ps", "-o", "args=", "-p", str(os.getpid())])
