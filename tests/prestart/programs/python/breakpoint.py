# cordon: stdin p 1 + 1\nw\nc\n
x = 1
breakpoint()
print("after")
