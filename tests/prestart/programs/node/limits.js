const v8 = require("v8");
console.log(v8.getHeapStatistics().heap_size_limit, process.getuid(), process.umask().toString(8), process.getgroups().length);
console.log(require("os").availableParallelism(), process.constrainedMemory ? 1 : 0);
