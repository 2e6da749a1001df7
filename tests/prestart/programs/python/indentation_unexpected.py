  print("indented from the start")
