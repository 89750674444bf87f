// Formats the C++ sources with clang-format; with --check only reports what is not formatted.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const clangFormat = createRequire(import.meta.url).resolve('clang-format/index.js');
const files = readdirSync(`${root}native`, { recursive: true })
  .map((file) => `native/${file}`)
  .filter((file) => /\.(cc|h)$/.test(file));
const mode = process.argv.includes('--check') ? ['--dry-run', '--Werror'] : ['-i'];
const { status } = spawnSync(process.execPath, [clangFormat, ...mode, ...files], { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
