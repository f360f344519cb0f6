// Reads an AsyncAPI document with the official parser; fails on its errors and warnings.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const file = process.argv[2];
const { diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
const wrong = diagnostics.filter(({ severity }) => severity < 2);
for (const { code, message, path } of wrong) console.error(`${file}: ${path.join(".")}: ${code}: ${message}`);
process.exit(wrong.length > 0 ? 1 : 0);
