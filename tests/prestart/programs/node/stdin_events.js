// cordon: stdin one\ntwo\n
process.stdin.on("data", (d) => console.log("data", d.toString())).on("end", () => console.log("end"));
