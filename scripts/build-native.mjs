// Builds the addon from source into build/Release, unless what is there is newer than every source.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = `${root}build/Release/murky.node`;

function newestSource() {
  const files = readdirSync(`${root}native`, { recursive: true }).map((file) => `${root}native/${file}`);
  return Math.max(...[...files, `${root}binding.gyp`].map((file) => statSync(file).mtimeMs));
}

if (!existsSync(built) || statSync(built).mtimeMs < newestSource()) {
  const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  const verb = existsSync(`${root}build/Makefile`) ? ['configure', 'build'] : ['rebuild'];
  const { status } = spawnSync(process.execPath, [nodeGyp, ...verb, '-j', 'max', '--loglevel=warn'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) {
    console.error('murky-waters: the native addon did not build; a C++17 compiler, make and Python 3 are needed.');
    process.exit(1);
  }
}
