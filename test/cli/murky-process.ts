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
  /** It has a channel to this process. */
  readonly channel?: boolean;
}

/** `murky` from the sources, with none of the caller's MURKY_ variables. */
export function startMurky(
  words: readonly string[],
  { cwd = root, env = {}, channel = false }: Start = {},
): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('MURKY_'));
  const loader = fileURLToPath(import.meta.resolve('tsx'));
  return spawn(process.execPath, ['--import', `file://${loader}`, `${root}src/cli/murky.ts`, ...words], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['pipe', 'pipe', 'pipe', ...(channel ? ['ipc' as const] : [])],
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

export interface Served {
  readonly child: ChildProcess;
  readonly url: string;
  /** `host:port` of the transport. */
  readonly rain: string;
  readonly id: string;
  /** All of standard output and standard error so far. */
  output(): { stdout: string; stderr: string };
  /** Sends a signal and resolves with how the process ended. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** `murky serve` on free ports with its data in `folder`, once it is ready. */
export async function serve(folder: string, words: readonly string[] = []): Promise<Served> {
  const ports = ['--http-port', '0', '--pouring-rain-port', '0'];
  const child = startMurky(['serve', '--data-dir', 'data', ...ports, ...words], { cwd: folder });
  let stdout = '';
  let stderr = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const parts = await new Promise<RegExpExecArray>((resolve, reject) => {
    child.stdout!.on('data', (chunk: Buffer) => {
      stdout += chunk;
      const ready = /^murky: ready http=(\S+) rain=(\S+) node=([0-9a-f]{16})\n/.exec(stdout);
      if (ready) resolve(ready);
    });
    child.once('close', () => reject(new Error(`murky serve ended before it was ready: ${stdout}${stderr}`)));
  });
  clearTimeout(timer);
  return {
    child,
    url: parts[1]!,
    rain: parts[2]!,
    id: parts[3]!,
    output: () => ({ stdout, stderr }),
    async end(name) {
      const closed = once(child, 'close');
      const late = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
      child.kill(name);
      const [code, signal] = await closed;
      clearTimeout(late);
      return { code, signal };
    },
  };
}
