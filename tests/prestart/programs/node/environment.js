// cordon: env TOKEN=secret=with=signs
// cordon: env EMPTY=
console.log(process.env, Object.keys(process.env), "LD_PRELOAD" in process.env);
process.env.LATER = "1";
delete process.env.TOKEN;
console.log(require("child_process").execFileSync("/usr/bin/env").toString());
