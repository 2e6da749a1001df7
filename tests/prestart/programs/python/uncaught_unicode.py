raise ValueError("\u2603 snow \ud800 half")
