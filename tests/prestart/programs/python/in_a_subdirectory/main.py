# cordon: command python3 ../main.py
# cordon: cwd data
import os, sys
print(os.listdir("."), sys.path[0], __file__, os.environ.get("PWD"))
1 / 0
