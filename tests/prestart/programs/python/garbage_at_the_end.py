class C:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        print("del", self.name)
a = C("global")
b = C("cycle")
b.self = b
