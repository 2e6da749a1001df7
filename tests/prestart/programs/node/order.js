setTimeout(() => console.log("timeout"), 0);
setImmediate(() => console.log("immediate"));
process.nextTick(() => console.log("tick"));
Promise.resolve().then(() => console.log("microtask"));
queueMicrotask(() => console.log("queued"));
console.log("sync");
