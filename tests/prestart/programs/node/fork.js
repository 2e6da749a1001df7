const { fork } = require("child_process");
if (process.send) { process.send({ argv: process.argv.slice(2), execArgv: process.execArgv, env: process.env.MARK }); process.disconnect(); }
else fork(__filename, ["child"], { env: { ...process.env, MARK: "1" } }).on("message", (m) => console.log(m)).on("exit", (c) => console.log(c));
