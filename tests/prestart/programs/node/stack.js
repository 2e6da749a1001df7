function f() { console.log(new Error("here").stack); console.trace("trace"); }
f();
