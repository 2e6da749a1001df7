print("not imported")
