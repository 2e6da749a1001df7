print(__file__); 1/0
