import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkFolder } from './expected.js';
import type { Operation } from './recording.js';
import { type CrashState, crashStates } from './states.js';

/** Most of the time of a state is spent waiting for threads, so some are looked at side by side. */
const AT_ONCE = 4;

/** Opens the store in each state that a crash may leave, and tells which are wrong. `scratch` is a folder for them. */
export async function checkStates(
  operations: readonly Operation[],
  wanted: (after: number) => boolean,
  scratch: string,
  progress: (states: number) => void,
): Promise<{ states: number; failures: string[] }> {
  const failures: string[] = [];
  let states = 0;
  const left = crashStates(operations, wanted);
  const work = async (folder: string) => {
    for (const state of left) {
      await layOut(state, folder);
      progress(++states);
      await checkFolder(folder, state.known).catch((error) => {
        const { op, ...rest } = operations[state.after]!;
        const path = 'path' in rest ? rest.path : '';
        failures.push(`after operation ${state.after} (${op} ${path}), lost: ${state.loss}: ${error.message}`);
      });
      await rm(folder, { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => work(join(scratch, `state-${i}`))));
  return { states, failures };
}

async function layOut({ folders, files }: CrashState, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const path of folders) await mkdir(join(folder, path), { recursive: true });
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
}
