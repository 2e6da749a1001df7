const http = require("http");
const server = http.createServer((q, r) => r.end("served")).listen(0, "127.0.0.1", () =>
  http.get({ port: server.address().port, host: "127.0.0.1", agent: false }, (r) => r.on("data", (d) => console.log(d.toString())).on("end", () => server.close())));
