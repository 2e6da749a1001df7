import json, re
print(json.__file__, re.__file__)
json.dumps({})
