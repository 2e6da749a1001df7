print(sorted(str(c) for c in object.__subclasses__()))
print(sorted(str(c) for c in BaseException.__subclasses__()))
