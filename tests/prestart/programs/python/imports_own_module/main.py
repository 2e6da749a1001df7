import own, package.sub
from package import name
print(own.__file__, package.sub.__file__, name, own.__cached__)
own.fails()
