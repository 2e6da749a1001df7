print("ok")
print("\udc80")
