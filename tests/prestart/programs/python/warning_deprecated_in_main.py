import warnings
warnings.warn("old", DeprecationWarning)
warnings.warn("older", PendingDeprecationWarning)
warnings.warn("leak", ResourceWarning)
print(warnings.filters)
print(sorted(__warningregistry__, key=str) if "__warningregistry__" in globals() else "none")
