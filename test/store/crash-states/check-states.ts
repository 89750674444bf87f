import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkFolder } from './expected.js';
import type { Operation } from './recording.js';
import { type CrashState, crashStates } from './states.js';

/** Opens the store in each state that a crash may leave, and tells which are wrong. `scratch` is a folder for them. */
export async function checkStates(
  operations: readonly Operation[],
  wanted: (after: number) => boolean,
  scratch: string,
  progress: (states: number) => void,
): Promise<{ states: number; failures: string[] }> {
  const failures: string[] = [];
  const folder = join(scratch, 'state');
  let states = 0;
  for (const state of crashStates(operations, wanted)) {
    await layOut(state, folder);
    states++;
    await checkFolder(folder, state.known).catch((error) => {
      const { op, ...rest } = operations[state.after]!;
      const path = 'path' in rest ? rest.path : '';
      failures.push(`after operation ${state.after} (${op} ${path}), lost: ${state.loss}: ${error.message}`);
    });
    progress(states);
    await rm(folder, { recursive: true, force: true });
  }
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
