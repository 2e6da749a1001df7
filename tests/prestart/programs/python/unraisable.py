class C:
    def __del__(self):
        raise ValueError("in a destructor")
C()
print("goes on")
