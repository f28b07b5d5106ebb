// The server under test: the binary that DCHAT_BIN names, with a store that is gone when it ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A port that is free now. It is needed before the server starts: the redirect URI has it. */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/**
 * Starts the server and waits until it is ready. It inherits nothing of our environment but the path.
 * Without rate limits, unless asked for: every person of a test comes from one address, which may begin 20 sign-ins.
 */
export async function startServer({ port, settings, limited = false }) {
  const bin = process.env.DCHAT_BIN;
  if (!bin) throw new Error('DCHAT_BIN must name the server binary');
  const child = spawn(bin, ['--ephemeral', ...(limited ? [] : ['--unlimited']), '--port', String(port)], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const orphaned = () => child.kill('SIGKILL');
  process.once('exit', orphaned);
  const exited = once(child, 'exit');

  let said = '';
  const ready = new Promise((resolve) => {
    const listen = (chunk) => {
      said += chunk;
      if (said.includes('ready in')) resolve(true);
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
  });
  const late = AbortSignal.timeout(30_000);
  const won = await Promise.race([ready, exited, once(late, 'abort')]);
  if (won !== true) {
    orphaned();
    throw new Error(`the server did not become ready:\n${said}`);
  }

  return {
    origin: `http://localhost:${port}`,
    /** Everything it printed so far. */
    said: () => said,
    async stop() {
      process.off('exit', orphaned);
      child.kill('SIGTERM');
      const patience = setTimeout(orphaned, 5_000);
      await exited;
      clearTimeout(patience);
    },
  };
}
