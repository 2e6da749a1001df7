# cordon: command python3 tools/deep/run.py x
