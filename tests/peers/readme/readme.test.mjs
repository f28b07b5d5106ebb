import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { accept, callState, mediaFlows, online, pressCall, setUp, startServer, until } from "../browser/stage.mjs";
import { blocks, differences, documents, ROOT } from "./blocks.mjs";

const run = promisify(execFile);
const read = (file) => readFile(ROOT + file, "utf8");
const BO = "usr_00000000000080008000000000000002";

/** Blocks that do not run here, and who says that they hold. */
const ELSEWHERE = [
  {
    code: "cargo run",
    why: "it compiles: CI builds the same program, and every test here starts it",
    holds: async () => assert.match(await read("tests/peers/run"), /cargo build .*--package local/),
  },
  {
    code: "cargo test",
    why: "CI runs it as it stands",
    holds: async () => assert.match(await read(".ci/run"), /^([A-Z_]+=\S+ )*cargo test\b/m),
  },
  {
    code: "cargo xtask keys\nsam build && sam deploy --guided --config-env dev",
    why: "it asks questions and needs an AWS account; tests/peers/cloud deploys the same stage to an emulator",
    holds: async () => assert.match(await read("tests/peers/cloud/up.py"), /"--config-env", STAGE/),
  },
  {
    code: "tests/peers/cloud/up",
    why: "it builds for minutes; tests/peers/cloud/run does it with tests beside the stack",
    holds: async () => assert.match(await read("tests/peers/cloud/run"), /^tests\/peers\/cloud\/up --once /m),
  },
  {
    code: "sam build && sam local invoke auth --event events/auth/register.json",
    why: "it needs Docker; `cargo test` hands the same event to the same program",
    holds: async () => {
      await access(`${ROOT}events/auth/register.json`);
      assert.match(await read("functions/auth/tests/bootstrap.rs"), /bootstrap::play\("auth"/);
    },
  },
  {
    code: "git switch --detach v1.2.3\nsam build && sam deploy --config-env prod",
    why: "it needs an AWS account",
    holds: async () => assert.match(await read("samconfig.toml"), /^\[prod\.deploy\.parameters\]/m),
  },
  {
    code: "tools/redrive dchat-prod",
    why: "tests/peers/cloud runs it against the deployed stack",
    holds: async () => assert.match(await read("tests/peers/cloud/deployed/alone_dead_letters.py"), /"tools\/redrive"/),
  },
  {
    code: "aws dynamodb restore-table-to-point-in-time --source-table-name dchat-prod-CallsTable-… \\\n  --target-table-name calls-restored --restore-date-time 2026-11-20T12:00:00Z",
    why: "it needs an AWS account, and a table of some age",
    holds: async () => assert.equal((await read("template.yaml")).match(/PointInTimeRecoveryEnabled: true/g)?.length, 3),
  },
  {
    code: "aws s3api list-objects-v2 --bucket dchat-prod-recordingsbucket-… --prefix recordings/ --query 'Contents[].Key'\naws dynamodb get-item --table-name dchat-prod-CallsTable-… --key '{\"pk\": {\"S\": \"rec_…\"}, \"sk\": {\"S\": \"recording\"}}'",
    why: "it needs an AWS account, and a recording that was lost",
    holds: async () => {
      assert.match(await read("shared/store/src/keys.rs"), /Self::Recording\(_\) => "recording"/);
      assert.match(await read("shared/blobs/src/keys.rs"), /recordings\//);
    },
  },
];

/** What a block must have done besides ending well and answering as the document shows. By its first line that says which it is. */
const EXPECTED = [
  { has: "auth/register", check: ({ json }) => assert.match(json.access_token, /^eyJ/) },
  { has: "webrtc/health", check: ({ json }) => assert.equal(json.status, "healthy") },
  { has: "TOKEN=$(curl", check: ({ json }) => assert.equal(json.name, "Grace") },
  { has: "curl localhost:3000/auth/me", check: ({ json }) => assert.equal(json.code, "token_missing") },
  { has: "dchat.calls.start", check: talks },
  { has: "client.calls.start", check: talks },
  { has: "call.record()", check: asks },
  { has: "call.stopRecording()", check: keeps },
  { has: "console.log(check, result, cause, remedy)", check: finds },
  { has: 'diagnose({ format: "text" })', check: finds },
];

async function talks({ page, bo, goesOn }) {
  await accept(bo);
  await mediaFlows(bo);
  await until("the page's own call to be connected", () => page.evaluate(() => globalThis.made.state === "connected"));
  await until("Bo's picture on the page", () => page.evaluate(() => globalThis.made.remote.size === 1));
  if (!goesOn) await ends({ page, bo });
}

async function ends({ page, bo }) {
  await page.evaluate(() => globalThis.made.hangUp());
  await callState(bo, "ended");
}

async function asks({ page, bo }) {
  await bo.getByRole("button", { name: "Allow", exact: true }).click();
  await until("the recording to run", () => page.evaluate(() => globalThis.made.recording?.state === "running"));
  // Something to keep.
  await new Promise((done) => setTimeout(done, 3_000));
}

async function keeps({ said, page, bo }) {
  assert.match(said.join("\n"), /^asking[^]*^running[^]*^saving[^]*^kept/m);
  const [{ bytes, people, state }] = await page.evaluate(async () => (await globalThis.client.recordings.list()).items);
  assert.ok(bytes > 1_000 && people.length === 2 && state === "kept", JSON.stringify({ bytes, people, state }));
  await bo.locator("#recordings-list li").waitFor();
  await ends({ page, bo });
}

async function finds({ said }) {
  for (const check of ["api", "clock", "session", "socket", "secure context", "microphone", "camera", "ice", "peer connection"]) {
    assert.match(said.join("\n"), new RegExp(`^${check} +(ok|warn)`, "m"), check);
  }
}

const all = await Promise.all((await documents()).map(blocks));

test("every block is run here, or its reason is named", async () => {
  const found = all.flat();
  assert.ok(found.length >= 10, `${found.length} blocks`);
  for (const block of found) {
    const known = ELSEWHERE.some(({ code }) => code === block.code) || EXPECTED.some(({ has }) => block.code.includes(has));
    assert.ok(known, `${block.file}:${block.line} is run by nobody. Add what it must do to EXPECTED, or to ELSEWHERE why it cannot run:\n${block.code}`);
  }
  for (const { code, holds } of ELSEWHERE) {
    assert.ok(found.some((block) => block.code === code), `no document says ${JSON.stringify(code)} any more: remove it here`);
    await holds();
  }
  for (const { has } of EXPECTED) assert.ok(found.some(({ code }) => code.includes(has)), `no document says ${has} any more: remove it here`);
});

for (const found of all) {
  const mine = found.filter(({ code }) => !ELSEWHERE.some((elsewhere) => elsewhere.code === code));
  if (mine.length === 0) continue;
  test(`the blocks of ${mine[0].file}, in their order`, { timeout: 120_000 }, async (t) => {
    const stage = await setUp();
    t.after(() => stage.tearDown());
    const here = (code) => code.replaceAll("localhost:3000", new URL(stage.url).host);
    if (mine[0].file === "clients/js/README.md") await register(stage.url);
    let before;
    for (const [i, block] of mine.entries()) {
      const expected = EXPECTED.find(({ has }) => block.code.includes(has));
      const done = await (block.kind === "sh" ? shell : script)(t, stage, here(block.code), i, before).catch((error) => {
        throw new Error(`${block.file}:${block.line} failed: ${error.message}`, { cause: error });
      });
      if (block.answer) assert.deepEqual(differences(block.answer, done.json), [], `${block.file}:${block.line}`);
      const next = mine[i + 1];
      await expected.check({ ...done, goesOn: next?.kind === "js" && goesOn(next.code) });
      before = done;
    }
  });
}

async function shell(_, __, code) {
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", code], { cwd: tmpdir(), timeout: 20_000 });
  return { json: JSON.parse(stdout) };
}

/** It makes no client of its own: it is for the page of the block before it. */
const goesOn = (code) => !code.includes("createClient");

/** The block as a module of a page of the server, and Bo at another window. */
async function script(t, stage, code, i, before) {
  if (goesOn(code)) {
    await load(before.page, code, i);
    return before;
  }
  const bo = code.includes("calls.start") ? await stage.window(t, "Bo") : null;
  const page = await (await stage.profile(t)).newPage();
  const said = [];
  page.on("console", (line) => said.push(line.text()));
  const failed = new Promise((_, reject) => page.on("pageerror", reject));
  // A page that the server really sent: browsers let no other one reach this machine.
  await page.goto(`${stage.url}/client/client.js`);
  await page.evaluate(() => document.body.append(document.createElement("video")));
  const names = `\n;globalThis.made = typeof call === "undefined" ? true : Object.assign(globalThis, { call, client: typeof client === "undefined" ? null : client }).call;`;
  await Promise.race([load(page, code + names, i), failed]);
  return { page, bo, said };
}

async function load(page, code, i) {
  await page.route(`**/readme/${i}.js`, (route) => route.fulfill({ contentType: "text/javascript", body: code }));
  await page.evaluate((path) => import(path), `/readme/${i}.js`);
}

async function register(url) {
  const body = JSON.stringify({ email: "ada@example.com", password: "correct horse", name: "Ada" });
  const answer = await fetch(`${url}/auth/register`, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.equal(answer.status, 201);
}

test("what the README promises in numbers and names is so", async () => {
  const [readme, template] = [await read("README.md"), await read("template.yaml")];
  const count = (type) => template.match(new RegExp(`^    Type: AWS::${type}$`, "gm"))?.length ?? 0;
  assert.match(readme, /5 functions, DynamoDB, S3, two API Gateways/);
  assert.equal(count("Serverless::Function"), 5);
  assert.equal(count("Serverless::HttpApi") + count("ApiGatewayV2::Api"), 2);
  const cost = await read("docs/cost.md");
  const usd = (use) => Number(cost.match(new RegExp(`\\*\\*${use}\\*\\*.*\\*\\*([\\d.]+)\\*\\*`))[1]);
  const [calls, talk, person, nobody] = [usd("A million calls set up"), usd("A million minutes talked"), usd("A person connected for a month"), usd("A stack that nobody uses, for a month")];
  const said = `A million calls cost about ${Math.round(calls)} USD at list prices and a million minutes of talk ${Math.round(talk)}, a person who is always connected ${Math.round(person * 100)} cents a month, a stack that nobody uses ${Math.round(nobody * 100)}\ncents`;
  assert.ok(readme.includes(said), `README.md does not say: ${said}`);
  const six = all[0].find(({ kind }) => kind === "js");
  assert.match(readme, /six lines/);
  assert.equal(six.code.split("\n").length, 6);
  assert.ok(six.code.includes(BO));
  const { stdout } = await run(process.env.DCHAT_BIN, ["--help"]);
  for (const [flag] of readme.match(/`cargo run -- --help`.*/)[0].matchAll(/--(?!help)[a-z]+/g)) assert.ok(stdout.includes(flag), `dchat --help does not know ${flag}`);
});

test("the client's page names every code and every state of it", async () => {
  const page = await read("clients/js/README.md");
  const folder = `${ROOT}clients/js/`;
  const sources = await Promise.all((await readdir(folder)).filter((name) => name.endsWith(".js")).map((name) => readFile(folder + name, "utf8")));
  const all = sources.join("\n");
  const codes = [...all.matchAll(/code: "(\w+)"|broken\("(\w+)"/g)].map(([, one, other]) => one ?? other);
  const unions = ["State", "SocketState", "SocketReason", "Standing"].flatMap((name) => all.match(new RegExp(`@typedef \\{([^}]+)\\} ${name}\n`))[1].match(/\w+/g));
  const ends = [...all.matchAll(/(?:finish\("ended", |forget\()"(\w+)"/g)].map(([, reason]) => reason);
  assert.ok(codes.length > 15 && unions.length > 25 && ends.length > 2, `${codes} ${unions} ${ends}`);
  for (const name of new Set([...codes, ...unions, ...ends])) assert.ok(page.includes(`\`${name}\``), `clients/js/README.md does not name ${name}`);
});

test("every link of the documents leads to a file", async () => {
  let links = 0;
  for (const file of await documents()) {
    for (const [, link] of (await read(file)).matchAll(/\]\(([^)#\s]+)(?:#[^)\s]*)?\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      await access(join(ROOT, dirname(file), link)).catch(() => assert.fail(`${file} links to ${link}, which is not there`));
      links += 1;
    }
  }
  assert.ok(links > 10, `${links} links`);
});

test("the stopwatch: ready within a second, a call in the second window within a minute", { timeout: 90_000 }, async (t) => {
  const ready = [];
  for (let i = 0; i < 3; i += 1) {
    const began = performance.now();
    const server = await startServer();
    ready.push(performance.now() - began);
    await server.stop();
  }
  const began = performance.now();
  const stage = await setUp();
  t.after(() => stage.tearDown());
  const ada = await (await stage.profile(t)).newPage();
  await ada.goto(stage.console);
  await online(ada);
  const opening = ada.context().waitForEvent("page");
  await ada.getByRole("link", { name: "Open as Bo in a new window" }).click();
  const bo = await opening;
  await online(bo);
  await pressCall(ada, "Bo");
  await bo.getByRole("alertdialog").waitFor();
  const rang = performance.now() - began;
  await accept(bo);
  await callState(bo, "connected");
  await until("Ada's picture in Bo's window", () => bo.locator(".tile:not(.mine) video").evaluate((video) => video.videoWidth > 0));
  const seen = performance.now() - began;
  const s = (ms) => `${(ms / 1000).toFixed(2)} s`;
  t.diagnostic(`process start to the ready line: ${ready.map(s).join(", ")}`);
  t.diagnostic(`process start to a ring in the second window: ${s(rang)}; to the caller's picture there: ${s(seen)}`);
  assert.ok(Math.min(...ready) < 1_000, `ready after ${ready.map(s).join(", ")}`);
  assert.ok(seen <= 60_000, `seen after ${s(seen)}`);
});
