console.log(require("util").inspect({ a: [1, { b: new Map([[1, 2]]) }], f() {}, s: Symbol("x") }, { depth: 4 }));
console.table([{ a: 1 }]);
