print("a")
print("ÿ")
# cordon: only file
