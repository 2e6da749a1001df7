process.on("SIGINT", (s, n) => { console.log(s, n); process.exit(3); });
process.kill(process.pid, "SIGINT");
setTimeout(() => {}, 5000);
