import locale, time
print(locale.setlocale(locale.LC_CTYPE), locale.setlocale(locale.LC_ALL), locale.getpreferredencoding(False))
print(locale.localeconv()["decimal_point"], time.tzname, time.timezone, time.daylight)
