process.on("uncaughtException", (e, origin) => console.log("caught", e.message, origin));
throw new Error("x");
