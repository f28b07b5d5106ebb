// The committed contracts, read by the specifications' own tools.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { Parser } from "@asyncapi/parser";
import { createConfig, lint } from "@redocly/openapi-core";

const file = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

test("openapi.json is OpenAPI", async () => {
  // `default` says how an operation refuses, for every status.
  const config = await createConfig({ extends: ["recommended"], rules: { "operation-4xx-response": "off" } });
  const problems = await lint({ ref: file("openapi/openapi.json"), config });
  assert.deepEqual(problems.map(({ ruleId, message, location }) => `${ruleId} ${location[0].pointer}: ${message}`), []);
});

test("asyncapi.json is AsyncAPI", async () => {
  const ERROR = 0, WARNING = 1;
  const { diagnostics } = await new Parser().parse(await readFile(file("asyncapi/asyncapi.json"), "utf8"));
  const found = diagnostics.filter(({ severity }) => severity === ERROR || severity === WARNING);
  assert.deepEqual(found.map(({ code, path, message }) => `${code} ${path.join("/")}: ${message}`), []);
});
