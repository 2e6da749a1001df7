import os
os.environ["PYTHONINSPECT"] = "1"
print("ends all the same")
