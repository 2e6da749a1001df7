import { readFileSync } from "node:fs";
import own from "./own.js";
console.log(import.meta.url.split("/").pop(), own, typeof require, readFileSync("package.json", "utf8"));
await new Promise((r) => setTimeout(r, 1));
throw new Error("top level");
