process.title = "another name";
console.log(process.title, require("fs").readFileSync("/proc/self/cmdline").toString().split("\0")[0]);
process.title = "a name that is far longer than the command line that it was started with, by much";
console.log(process.title);
