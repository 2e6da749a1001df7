# cordon: stdin for the child\n
import subprocess
subprocess.run(["/bin/cat"])
