# cordon: command python3 /nonexistent/not_here.py
