import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noise } from './bytes.js';
import { client, closeAll, server } from './open.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

test.after.each(closeAll);

/** A program that imports the library; `lines` resolves with what it prints until it ends. */
function program(code: string) {
  const whole = `import { RainClient, RainServer } from './src/index.js';\n${code}`;
  const args = ['--expose-gc', '--import', 'tsx', '--input-type=module', '-e', whole];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.setEncoding('utf8');
  return child;
}

async function ended(child: ReturnType<typeof program>): Promise<string> {
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  assert.is(code, 0, 'it ended by itself');
  return output;
}

test('an open client does not keep the process alive, but a running fetch does', async () => {
  const one = await server();
  one.add('x', noise(3_000_000));
  const output = await ended(
    program(`
      const client = await RainClient.open();
      client.fetch('x', { servers: ['127.0.0.1:${one.address.port}'] }).then(({ bytes }) => console.log(bytes.length));
    `),
  );
  assert.is(output.trim(), '3000000');
});

test('a request to nobody ends in its own time', async () => {
  const output = await ended(
    program(`
      const client = await RainClient.open();
      client.fetch('x', { servers: ['127.0.0.1:9'], lookupTimeoutMs: 300 }).catch(({ code }) => console.log(code));
    `),
  );
  assert.is(output.trim(), 'MURKY_NO_SERVER');
});

test('a server keeps the process alive until it is closed, also if nobody holds on to it', async () => {
  const child = program(`
    await RainServer.listen().then((server) => {
      server.add('x', Buffer.from('here'));
      console.log(server.address.port);
    });
    setInterval(() => gc(), 20).unref();
  `);
  try {
    const [port] = await once(child.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.is(child.exitCode, null);
    const { bytes } = await (await client()).fetch('x', { servers: [`127.0.0.1:${Number(port)}`] });
    assert.is(Buffer.from(bytes).toString(), 'here');
  } finally {
    child.kill('SIGKILL');
  }
  const output = await ended(
    program(`
      const server = await RainServer.listen();
      setTimeout(() => server.close().then(() => console.log('closed')), 100);
    `),
  );
  assert.is(output.trim(), 'closed');
});

test.run();
