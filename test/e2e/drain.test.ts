import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanUp, freePort, NodeProcess } from './node-process.js';

const program = fileURLToPath(new URL('../../dist/cli/murky.js', import.meta.url));

test.after(cleanUp);

/** What `murky` prints, and what it exits with. */
async function murky(node: NodeProcess, ...words: string[]) {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, ...words, '--node', node.http]);
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test('a drained node says so to who would end the drain, and is shown once by one that was started again', async () => {
  const places = [await freePort(), await freePort()].map((port) => ({ host: '127.0.0.1', port }));
  const settings = places.map(({ port }) => ({ rainPort: port, peers: places }));
  const staying = await NodeProcess.start(settings[0]);
  const leaving = await NodeProcess.start(settings[1]);
  await leaving.meets(1);
  assert.is((await staying.put('k', Buffer.from('value'))).status, 201);

  const drained = await murky(leaving, 'drain');
  assert.is(drained.code, 0, drained.stderr);
  const answer = await fetch(`${leaving.http}/drain`, { method: 'DELETE' });
  assert.is(answer.status, 409);
  const { code, detail, hint } = (await answer.json()) as Record<string, string>;
  assert.is(code, 'MURKY_HAS_LEFT');
  const cancelled = await murky(leaving, 'drain', '--cancel');
  assert.is(cancelled.code, 1);
  assert.is(cancelled.stderr, `murky: ${detail}\nhint: ${hint}\n`);

  await leaving.stop();
  await staying.stop();
  await staying.start();
  const { stdout } = await murky(staying, 'status');
  const lines = stdout.split('\n').filter((line) => line.startsWith(`127.0.0.1:${places[1]!.port} `));
  assert.is(lines.length, 1, stdout);
  assert.match(lines[0]!, / left /);
  assert.is(await (await staying.get('k')).text(), 'value');
});

test.run();
