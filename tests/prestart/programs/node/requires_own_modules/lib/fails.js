throw new RangeError("in a module");
