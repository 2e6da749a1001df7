# cordon: command python3 not_here.py x
