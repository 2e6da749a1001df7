import sys
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    import _interpreters as interpreters
id = interpreters.create()
sys.stdout.flush()
interpreters.run_string(id, "import sys; print(sys.argv, getattr(sys, 'orig_argv', None), sys.path, sys.flags, flush=True)")
interpreters.destroy(id)
# cordon: arguments a b c
