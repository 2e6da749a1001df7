process.emitWarning("mine", "CustomWarning", "C001");
new Buffer(1);
