try:
    compile("a b", "<mine>", "exec")
except SyntaxError as e:
    print(e.args, e.filename, e.lineno, e.offset, e.text)
