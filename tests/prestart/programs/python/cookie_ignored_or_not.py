# -*- coding: latin-1 -*-
print(ascii("é"), "é")
raise ValueError("é") # é
