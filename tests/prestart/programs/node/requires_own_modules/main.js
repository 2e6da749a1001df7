console.log(require("./lib"), require("dep").name, require("./data.json"));
require("./lib/fails.js");
