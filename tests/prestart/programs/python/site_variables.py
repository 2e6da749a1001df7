import site, sys
print(site.ENABLE_USER_SITE, site.USER_SITE, site.USER_BASE, site.PREFIXES)
print(sys.modules.get("sitecustomize"), sys.modules.get("usercustomize"))
