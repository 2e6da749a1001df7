const { Worker, isMainThread, threadId } = require("worker_threads");
if (isMainThread) new Worker(__filename, { argv: ["x"] }).on("exit", (c) => console.log("worker ended", c));
else { console.log("worker", threadId, process.argv.slice(2), process.execArgv); process.exit(4); }
