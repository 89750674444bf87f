// Compiles native/**/*_test.cc with the codec and rain sources into one program and runs it.
// --sanitize=LIST hands the list to -fsanitize; --compile runs nothing. CXX chooses the compiler.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nativeSources } from './native-sources.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const sanitize = process.argv.find((word) => word.startsWith('--sanitize='))?.slice('--sanitize='.length);
const sources = nativeSources((file) => !file.endsWith('_fuzz.cc') && !file.startsWith('addon/'));
// Relative, as the compiler (or ccache for it) names what depends on which header.
const out = `build/native-test${sanitize ? `-${sanitize.replaceAll(',', '-')}` : ''}`;
mkdirSync(`${root}${out}`, { recursive: true });

// One object file per source, compiled only when make finds it stale: the sanitized build of all takes a minute.
const flags = ['-std=c++17', '-Inative', '-g', '-Wall', '-Wextra', '-MMD', '-MP', '-fno-omit-frame-pointer'];
flags.push(sanitize ? '-O1' : '-O2', ...(sanitize ? [`-fsanitize=${sanitize}`, '-fno-sanitize-recover=all'] : []));
const objects = sources.map((source) => `${out}/${source.replaceAll('/', '__').replace(/\.cc$/, '.o')}`);
const rules = sources.map((source, i) => `${objects[i]}: ${source}\n\t$(CXX) ${flags.join(' ')} -c ${source} -o $@\n`);
const makefile = [
  `CXX ?= c++`,
  `${out}/test: ${objects.join(' ')}\n\t$(CXX) ${flags.join(' ')} $^ -o $@ -pthread -ldl\n`,
  ...rules,
  `-include ${objects.map((object) => object.replace(/\.o$/, '.d')).join(' ')}`,
].join('\n');

const build = spawnSync('make', ['-s', '-j2', '-f', '-', `${out}/test`], {
  cwd: root,
  input: makefile,
  stdio: ['pipe', 'inherit', 'inherit'],
});
if (build.status !== 0) process.exit(1);
if (process.argv.includes('--compile')) process.exit();
const run = spawnSync(
  `${out}/test`,
  process.argv.slice(2).filter((word) => !word.startsWith('--')),
  { cwd: root, stdio: 'inherit' },
);
process.exit(run.status ?? 1);
