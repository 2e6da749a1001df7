console.log(Object.getOwnPropertyNames(globalThis).sort().join());
console.log(Object.keys(process.versions).length, process.version, process.features, process.release.name, process.config.variables.napi_build_version);
console.log(require("module").builtinModules.length, process.moduleLoadList.length);
