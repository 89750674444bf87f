import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LIMIT_MS = 60_000;

export interface Outcome {
  /** Exit code, or null where a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly text: string;
  readonly stderr: string;
}

export interface Start {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly input?: Uint8Array;
}

/** `murky` from the sources, with none of the caller's MURKY_ variables. */
export function startMurky(words: readonly string[], { cwd = root, env = {} }: Start = {}): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('MURKY_'));
  const loader = fileURLToPath(import.meta.resolve('tsx'));
  return spawn(process.execPath, ['--import', `file://${loader}`, `${root}src/cli/murky.ts`, ...words], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
  });
}

/** Runs `murky` to its end. */
export async function murky(words: readonly string[], start: Start = {}): Promise<Outcome> {
  const child = startMurky(words, start);
  const output: Buffer[] = [];
  let stderr = '';
  child.stdout!.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  child.stdin!.on('error', () => {}); // it need not read all that it is given
  child.stdin!.end(start.input);
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  const stdout = Buffer.concat(output);
  return { code, signal, stdout, text: stdout.toString('utf8'), stderr };
}
