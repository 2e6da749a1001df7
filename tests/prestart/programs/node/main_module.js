console.log(require.main === module, module.id, module.filename, module.paths, module.parent, __filename, __dirname);
console.log(Object.keys(require.cache), module.children.length, this === module.exports, require.resolve("./main.js"));
