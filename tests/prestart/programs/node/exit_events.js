let n = 0;
process.on("beforeExit", (c) => { console.log("beforeExit", c); if (n++ < 1) setTimeout(() => console.log("once more"), 1); });
process.on("exit", (c) => console.log("exit", c));
