# cordon: command python3 ünïcode.py
