console.log(new Date(0).toString(), Intl.DateTimeFormat().resolvedOptions().timeZone, Intl.DateTimeFormat().resolvedOptions().locale, (1234.5).toLocaleString());
