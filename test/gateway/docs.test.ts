import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ERROR_CODES } from '../../src/errors.js';
import { DEFAULT_LIMITS } from '../../src/gateway/limits.js';
import { start } from './harness.js';

const page = readFileSync(fileURLToPath(new URL('../../docs/http.md', import.meta.url)), 'utf8');
const hasCurl = spawnSync('curl', ['--version']).status === 0;

(hasCurl ? test : test.skip)('every curl line of docs/http.md is answered as the page says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'murky-docs-'));
  writeFileSync(join(folder, 'photo.jpg'), randomBytes(100_000));
  writeFileSync(join(folder, 'token'), 'a-token-of-the-example\n');
  const { gateway } = await start();
  try {
    const blocks = [...page.matchAll(/```sh\n([^`]*)```/g)].flatMap(([, block]) => block!.trim().split('\n'));
    assert.ok(blocks.length > 30);
    for (const line of blocks) {
      const [, command = '', status] = /^(.*?) +# ([0-9]{3})$/.exec(line) ?? [];
      assert.ok(command.includes('curl '), line);
      const real = command
        .replace('localhost:8080', `localhost:${gateway.port}`)
        .replace('curl ', `curl -4 -sS --max-time 20 -w '\\n%{http_code}' `);
      const { stdout } = await promisify(execFile)('sh', ['-c', real], { cwd: folder, encoding: 'latin1' });
      assert.is(stdout.slice(stdout.lastIndexOf('\n') + 1), status, line);
    }
  } finally {
    await gateway.close();
    rmSync(folder, { recursive: true });
  }
});

test('the table of errors tells the status that each code has', () => {
  const rows = [...page.matchAll(/^\| ([0-9]{3}) +\| (.*?) +\|/gm)];
  assert.ok(rows.length >= 18);
  for (const [, status, cell] of rows) {
    for (const [, code] of cell!.matchAll(/`(MURKY_\w+)`/g)) {
      assert.is(ERROR_CODES[code as keyof typeof ERROR_CODES]?.status, Number(status), code);
    }
  }
});

test('the table of limits tells what the limits are', () => {
  const limits = page.slice(page.indexOf('## Limits'));
  for (const [what, value] of [
    ['connections', DEFAULT_LIMITS.connections],
    ['writes at once', DEFAULT_LIMITS.concurrentWrites],
    ['reads at once', DEFAULT_LIMITS.concurrentReads],
    ['ahead of their answers', DEFAULT_LIMITS.pipelinedRequests],
    ['request line and headers', `${DEFAULT_LIMITS.headerBytes / 1024} KiB`],
    ['headers must come within', `${DEFAULT_LIMITS.headersMs / 1000} s`],
    ['neither sends nor takes', `ended after ${DEFAULT_LIMITS.clientIdleMs / 1000} s`],
    ['an idle connection', `closed after ${DEFAULT_LIMITS.keepAliveMs / 1000} s`],
    ['closing waits', `${DEFAULT_LIMITS.closeMs / 1000} s`],
  ] as const) {
    const row = limits.split('\n').find((line) => line.startsWith('|') && line.includes(what));
    assert.ok(row?.includes(String(value)), `${what}: ${value}`);
  }
});

test.run();
