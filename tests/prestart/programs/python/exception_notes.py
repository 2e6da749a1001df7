e = ValueError("with notes")
if hasattr(e, "add_note"):
    e.add_note("the first\nof two lines")
    e.add_note("second")
raise e
