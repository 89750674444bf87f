import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanUp, freePort, NodeProcess, someBytes, temporaryFolder, until } from './node-process.js';

const OLD = '11'.repeat(32);
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const keysIn = (file: string) => readFileSync(file, 'utf8').trim().split('\n');

/** The walk-through of docs/security.md: a line for what comes first, and one for each step. */
function documentedCommands(): string[] {
  const page = readFileSync(here('../../docs/security.md'), 'utf8');
  const section = page.slice(page.indexOf('## Changing the cluster key'), page.indexOf('## Wrong symbols'));
  return /```sh\n([^`]+)```/.exec(section)![1]!.trim().split('\n');
}

/** The folder of who changes the key: the file is made there once and copied to the nodes. */
class Operator {
  readonly folder = temporaryFolder();
  readonly keyFile = join(this.folder, 'cluster.key');
  readonly #path = [join(this.folder, 'bin'), process.env.PATH].join(delimiter);

  constructor() {
    mkdirSync(join(this.folder, 'bin'));
    symlinkSync(here('../../dist/cli/murky.js'), join(this.folder, 'bin', 'murky'));
    writeFileSync(this.keyFile, `${OLD}\n`, { mode: 0o600 });
  }

  run(commands: string): void {
    execFileSync('sh', ['-ec', commands], { cwd: this.folder, env: { ...process.env, PATH: this.#path } });
  }

  /** Under another name first, and then in the place of the old one. */
  bringTo(node: NodeProcess): void {
    const next = join(node.folder, 'next');
    copyFileSync(this.keyFile, next);
    renameSync(next, join(node.folder, 'cluster.key'));
    process.kill(node.pid, 'SIGHUP');
  }
}

test.after(cleanUp);

test('the key of three nodes is changed under running gets, and none fails', async () => {
  const first = { host: '127.0.0.1', port: await freePort() };
  // Node 2 owns nothing and keeps no part of a value, so each of its ranges comes over the network.
  const shapes = [{ rainPort: first.port }, { peers: [first] }, { peers: [first], config: { 'cluster.weight': 0 } }];
  const nodes = await Promise.all(shapes.map((shape) => NodeProcess.start({ ...shape, key: OLD })));
  const [writer, , reader] = nodes as [NodeProcess, NodeProcess, NodeProcess];
  await Promise.all(nodes.map((node) => node.meets(2)));
  const bytes = someBytes(3_000_000);
  assert.is((await writer.put('rotated', bytes)).status, 201);

  let gets = 0;
  let ended = false;
  const failures: string[] = [];
  const reading = (async () => {
    while (!ended) {
      const from = (gets * 70_001) % (bytes.length - 1_200_000);
      const got = await reader.get('rotated', { headers: { range: `bytes=${from}-${from + 1_199_999}` } });
      const body = new Uint8Array(await got.arrayBuffer());
      const right = got.status === 206 && Buffer.compare(body, bytes.subarray(from, from + 1_200_000)) === 0;
      if (!right) failures.push(`get ${gets}: ${got.status}, ${body.length} bytes`);
      gets++;
    }
  })();
  const operator = new Operator();
  const [beforehand, ...steps] = documentedCommands();
  const held: string[][] = [];
  try {
    for (const step of steps) {
      operator.run(`${beforehand}\n${step}`);
      held.push(keysIn(operator.keyFile));
      assert.is(statSync(operator.keyFile).mode & 0o777, 0o600);
      for (const node of nodes) {
        const before = gets;
        const keysBefore = `${(await node.status()).rain.keys}`;
        operator.bringTo(node);
        await until('the new keys', 10, async () => `${(await node.status()).rain.keys}` !== keysBefore);
        await until('two gets under the new keys', 20, async () => gets >= before + 2);
      }
    }
  } finally {
    ended = true;
    await reading;
  }
  assert.equal(failures, []);
  const NEW = held[0]![1]!;
  assert.not(NEW === OLD);
  assert.equal(held, [[OLD, NEW], [NEW, OLD], [NEW]]);

  // The old key is worth nothing now: a node that has only it meets nobody, one that has the new one all.
  const stranger = await NodeProcess.start({ key: OLD, peers: [first] });
  assert.is((await stranger.get('rotated')).status, 404);
  const newcomer = await NodeProcess.start({ key: NEW, peers: [first] });
  await newcomer.meets(3);
  const got = await newcomer.get('rotated');
  assert.is(Buffer.compare(new Uint8Array(await got.arrayBuffer()), bytes), 0);
});

test.run();
