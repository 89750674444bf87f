// Builds the libFuzzer targets (native/**/*_fuzz.cc) with clang, AddressSanitizer and UBSan, and runs each for
// --seconds=N (60), beginning with its corpus in test/fuzz/corpus; then the message decoders that are written in
// TypeScript. Words choose targets by name; --keep adds to the corpus what reached something new. A target may name the
// functions that its corpus has to reach, in a comment that begins with "Reaches:".
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeSources } from './native-sources.mjs';

const MESSAGES = 'messages';
/** Files of a target's corpus in the repository, and the longest of them in bytes. */
const KEPT_FILES = 40;
const KEPT_BYTES = 1024;

const root = fileURLToPath(new URL('..', import.meta.url));
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const seconds = process.argv.find((word) => word.startsWith('--seconds='))?.slice('--seconds='.length) ?? '60';
const keep = process.argv.includes('--keep');
// Relative, as the compiler (or ccache for it) names what depends on which header.
const out = 'build/fuzz';
process.chdir(root);
mkdirSync(out, { recursive: true });

const targetOf = (source) => basename(source).replace(/_fuzz\.cc$/, '');
const targets = nativeSources((file) => file.endsWith('_fuzz.cc'));
const names = [...targets.map(targetOf), MESSAGES];
const chosen = words.length > 0 ? names.filter((name) => words.includes(name)) : names;
for (const word of words) if (!names.includes(word)) fail(`there is no target ${word}, but ${names.join(', ')}`);

function fail(sentence) {
  console.error(`fuzz: ${sentence}.`);
  process.exit(1);
}

function run(command, args, input) {
  const stdio = [input === undefined ? 'inherit' : 'pipe', 'inherit', 'inherit'];
  const { status, error } = spawnSync(command, args, { stdio, input });
  if (error) fail(`${command} did not start: ${error.message}; clang with libFuzzer is needed`);
  return status === 0;
}

function build() {
  const flags = ['-std=c++17', '-Inative', '-O1', '-g', '-MMD', '-MP', '-fno-omit-frame-pointer'];
  const sanitize = (fuzzer) => `-fsanitize=${fuzzer},address,undefined -fno-sanitize-recover=all`;
  const sources = nativeSources((file) => /^(gf2|lt|rain)\//.test(file) && !/_(test|fuzz)\.cc$/.test(file));
  const object = (source) => `${out}/${source.replaceAll('/', '__').replace(/\.cc$/, '.o')}`;
  const compile = (source, fuzzer) =>
    `${object(source)}: ${source}\n\t$(CXX) ${flags.join(' ')} ${sanitize(fuzzer)} -c ${source} -o $@\n`;
  const objects = sources.map(object);
  const wanted = targets.filter((target) => chosen.includes(targetOf(target)));
  const makefile = [
    `CXX = ${process.env.CXX ?? 'clang++'}`,
    `all: ${wanted.map((target) => `${out}/${targetOf(target)}`).join(' ')}`,
    ...sources.map((source) => compile(source, 'fuzzer-no-link')),
    ...wanted.flatMap((target) => [
      compile(target, 'fuzzer-no-link'),
      `${out}/${targetOf(target)}: ${object(target)} ${objects.join(' ')}\n\t$(CXX) ${sanitize('fuzzer')} $^ -o $@ -pthread -ldl\n`,
    ]),
    `-include ${[...sources, ...wanted].map((source) => object(source).replace(/\.o$/, '.d')).join(' ')}`,
  ].join('\n');
  if (wanted.length > 0 && !run('make', ['-s', '-j2', '-f', '-', 'all'], makefile)) process.exit(1);
}

function fuzz(name) {
  if (name === MESSAGES) {
    const words = ['--import', 'tsx', 'test/fuzz/messages.ts', `--seconds=${seconds}`, ...(keep ? ['--keep'] : [])];
    return run(process.execPath, words);
  }
  const found = `${out}/corpus-${name}`;
  const kept = `test/fuzz/corpus/${name}`;
  mkdirSync(found, { recursive: true });
  mkdirSync(kept, { recursive: true });
  const limits = ['-rss_limit_mb=2000', '-timeout=30', `-artifact_prefix=${out}/${name}-`];
  const options = [...limits, '-max_len=4096', `-max_total_time=${seconds}`, '-print_final_stats=1', '-verbosity=0'];
  if (!run(`${out}/${name}`, [found, kept, ...options])) return false;
  if (!keep) return reaches(name, kept);
  const merged = run(`${out}/${name}`, ['-merge=1', `-max_len=${KEPT_BYTES}`, ...limits, kept, found]);
  thin(kept);
  return merged && reaches(name, kept);
}

/** False if a function that the target names is not run by its corpus. */
function reaches(name, corpus) {
  const source = readFileSync(
    targets.find((target) => targetOf(target) === name),
    'utf8',
  );
  const named = /^\/\/ Reaches: ((?:[^.]|\n\/\/)+)\.$/m.exec(source)?.[1].match(/\w+::\w+/g) ?? [];
  if (named.length === 0) return true;
  const args = ['-runs=0', '-print_coverage=1', corpus];
  const { stderr } = spawnSync(`${out}/${name}`, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const covered = stderr.split('\n').filter((line) => line.startsWith('COVERED_FUNC:'));
  const missed = named.filter((one) => !covered.some((line) => line.includes(`::${one}(`)));
  console.log(
    `the corpus of ${name} reaches ${named.length - missed.length} of ${named.length} functions that it names`,
  );
  if (missed.length > 0) console.error(`not reached, or no llvm-symbolizer to tell: ${missed.join(', ')}`);
  return missed.length === 0;
}

/** Leaves KEPT_FILES of a corpus, of all sizes, beside those that were written by hand: seed-*. */
function thin(corpus) {
  const found = readdirSync(corpus).filter((file) => !file.startsWith('seed-'));
  const files = found.map((file) => `${corpus}/${file}`);
  files.sort((a, b) => statSync(a).size - statSync(b).size);
  const every = files.length / KEPT_FILES;
  files.forEach((file, at) => {
    if (every > 1 && Math.floor(at / every) === Math.floor((at - 1) / every)) rmSync(file);
  });
}

build();
const failed = chosen.filter((name) => {
  console.log(`== ${name}, ${seconds} s`);
  return !fuzz(name);
});
for (const name of chosen) console.log(`${failed.includes(name) ? 'FOUND' : 'ok   '} ${name}`);
if (existsSync(out) && failed.length > 0) fail(`inputs that fail lie in ${out}`);
