// At the start of a static program glibc asks procfs where the program lies, in case it loads a library from there
// later ($ORIGIN, ld.so(8)). This one loads none, and to answer costs an entry of procfs in every sandbox.
// Runs in: the sandbox, before main().

extern "C" const char* _dl_get_origin();  // NOLINT(bugprone-reserved-identifier): it is glibc's own

extern "C" const char* _dl_get_origin() {    // NOLINT(bugprone-reserved-identifier)
  return reinterpret_cast<const char*>(-1);  // how glibc says that it is not known
}
