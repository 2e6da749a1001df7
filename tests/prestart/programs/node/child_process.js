const { spawnSync } = require("child_process");
console.log(spawnSync(process.execPath, ["-p", "process.argv.length + ' ' + Object.keys(process.env)"]).stdout.toString());
console.log(spawnSync("/bin/sh", ["-c", "exit 3"]).status);
