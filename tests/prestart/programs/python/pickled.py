import pickle, pickletools
class Point:
    def __init__(self, x): self.x = x
blob = pickle.dumps(Point(3), 2)
print(blob, pickle.loads(blob).x, Point, Point.__module__, Point.__qualname__)
