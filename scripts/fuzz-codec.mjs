// Builds the codec's libFuzzer target with clang, AddressSanitizer and UBSan, and runs it for --seconds=N (60).
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nativeSources } from './native-sources.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const seconds = process.argv.find((word) => word.startsWith('--seconds='))?.slice('--seconds='.length) ?? '60';
const out = `${root}build/fuzz-codec`;
mkdirSync(`${out}/corpus`, { recursive: true });
const sources = nativeSources((file) => /^(gf2|lt)\//.test(file) && !file.endsWith('_test.cc'));
const flags = [
  '-std=c++17',
  '-Inative',
  '-O1',
  '-g',
  '-fsanitize=fuzzer,address,undefined',
  '-fno-sanitize-recover=all',
];
const run = (command, words) => {
  const { status, error } = spawnSync(command, words, { cwd: root, stdio: 'inherit' });
  if (error) console.error(`fuzz-codec: ${command} did not start: ${error.message}; clang with libFuzzer is needed.`);
  if (status !== 0) process.exit(status ?? 1);
};
run(process.env.CXX ?? 'clang++', [...flags, ...sources, '-o', `${out}/decoder`, '-pthread']);
run(`${out}/decoder`, [
  `${out}/corpus`,
  `-max_total_time=${seconds}`,
  `-artifact_prefix=${out}/`,
  '-max_len=512',
  '-print_final_stats=1',
]);
