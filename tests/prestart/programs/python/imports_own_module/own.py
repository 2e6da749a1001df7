print("importing", __name__)
def fails():
    raise ValueError("from own module")
