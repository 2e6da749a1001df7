# -*- coding: latin-1 -*-
print(ascii("é"))
1/0 # é
# cordon: only file
