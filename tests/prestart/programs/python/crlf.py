print("a")
if 1:
    print("b")
1/0
