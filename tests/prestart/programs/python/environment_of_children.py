# cordon: env ADDED=1
import os, subprocess, sys
print("parent", flush=True)
subprocess.run(["/usr/bin/env"])
os.environ["LATER"] = "2"
del os.environ["ADDED"]
os.system("/usr/bin/env | /bin/grep -v -e '^_=' -e SHLVL -e OLDPWD -e PWD")
os.unsetenv("PATH")
subprocess.run(["/usr/bin/env"])
subprocess.run(["/usr/bin/env"], env={})
