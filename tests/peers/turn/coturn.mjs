// The shipped turn/turnserver.conf in a real coturn, on loopback.
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TurnClient } from "./turn.mjs";

export const CONF = fileURLToPath(new URL("../../../turn/turnserver.conf", import.meta.url));
/** How many ports it relays from. */
const PORTS = 200;

async function freePort() {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise((done) => socket.close(done));
  return port;
}

/**
 * Starts coturn with the shipped file; on the command line only where it listens and relays, and the secrets. `permitted` are
 * addresses that it may send to although the file says no.
 */
export async function startCoturn({ secrets, relays = ["127.0.0.1", "::1"], permitted = [] }) {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "coturn-"));
  const low = 20_000 + Math.floor(Math.random() * 10_000);
  const turnserver = spawn("turnserver", [
    "-c", CONF, "--log-file=stdout", `--pidfile=${folder}/pid`, `--userdb=${folder}/db`,
    "--listening-ip=127.0.0.1", `--listening-port=${port}`, "--no-tls",
    ...relays.map((ip) => `--relay-ip=${ip}`), `--min-port=${low}`, `--max-port=${low + PORTS}`,
    "--realm=turn.example.com", ...secrets.map((secret) => `--static-auth-secret=${secret}`), ...permitted.map((ip) => `--allowed-peer-ip=${ip}`),
  ], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [turnserver.stdout, turnserver.stderr]) stream.on("data", (text) => (said += text));
  const stop = async () => {
    if (turnserver.exitCode === null && turnserver.signalCode === null) {
      const gone = once(turnserver, "exit");
      turnserver.kill("SIGTERM");
      const hard = setTimeout(() => turnserver.kill("SIGKILL"), 3_000);
      await gone;
      clearTimeout(hard);
    }
    await rm(folder, { recursive: true, force: true });
  };
  const failed = new Promise((_, reject) => turnserver.once("error", reject));
  try {
    await Promise.race([failed, listens({ port }, () => turnserver.exitCode, () => said)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, stop, said: () => said };
}

/** Waits until it asks for a name, at most 10 s. */
async function listens(server, exited, said) {
  for (const end = Date.now() + 10_000; ; ) {
    const client = await TurnClient.to({ ...server, over: "tcp" }, { username: "", credential: "" }).catch(() => null);
    client?.close();
    if (client) return;
    if (exited() !== null || Date.now() > end) throw new Error(`coturn does not listen\n${said()}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
