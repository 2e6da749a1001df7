print("never")
x = = 3
