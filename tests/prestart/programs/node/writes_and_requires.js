require("fs").writeFileSync("made.js", "module.exports = __filename;");
console.log(require("./made.js"));
