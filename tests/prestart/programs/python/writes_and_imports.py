open("made_here.py", "w").write("print('made', __file__, __name__)\nx = 1\n")
import made_here
print(made_here.x, made_here.__spec__.origin)
