console.log(process.report.filename, process.allowedNodeEnvironmentFlags.size, process.stdin.fd, process.debugPort, process.connected);
console.log(process.getActiveResourcesInfo(), process.listenerCount("SIGINT"), process.eventNames());
