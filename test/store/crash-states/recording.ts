/** A change of the files of a folder, or what the program said meanwhile. Paths are relative to the folder. */
export type Operation =
  | { readonly op: 'mkdir' | 'create' | 'unlink'; readonly path: string }
  | { readonly op: 'rename'; readonly path: string; readonly to: string }
  | { readonly op: 'write'; readonly path: string; readonly offset: number; readonly hex: string }
  | { readonly op: 'truncate'; readonly path: string; readonly size: number }
  /** `upTo`: how many operations had ended when the sync began; only those are covered. */
  | { readonly op: 'sync' | 'syncFolder'; readonly path: string; readonly upTo: number }
  | { readonly op: 'said'; readonly text: string };

/** Calls that strace has to show; -y puts the path behind each descriptor, -xx all bytes as hexadecimal. */
export const STRACE = [
  ...['-f', '-y', '-xx', '-s', '2000000', '-e'],
  'trace=openat,open,write,pwrite64,writev,pwritev,rename,renameat,renameat2,unlink,unlinkat,rmdir,' +
    'mkdir,mkdirat,fsync,fdatasync,ftruncate,close',
];

const CALL = /^(?:\[pid\s+)?(\d+)\]? +(.*)$/;
const text = (hex: string): string => Buffer.from(hex.replaceAll('\\x', ''), 'hex').toString('latin1');
const strings = (args: string): string[] => [...args.matchAll(/"([^"]*)"/g)].map(([, hex]) => text(hex!));

/** What strace wrote of a program that works in `folder`. */
export function parseStrace(lines: Iterable<string>, folder: string): Operation[] {
  const operations: Operation[] = [];
  const unfinished = new Map<string, { call: string; upTo: number }>();
  const offsets = new Map<string, number>();
  for (const line of lines) {
    const [, pid = '', rest = ''] = CALL.exec(line) ?? [];
    const cut = /^(.*) <unfinished \.\.\.>$/.exec(rest);
    if (cut) {
      unfinished.set(pid, { call: cut[1]!, upTo: operations.length });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const begun = unfinished.get(pid);
    if (resumed && begun) unfinished.delete(pid);
    const call = resumed ? `${begun?.call ?? ''}${resumed[1]}` : rest;
    const [, name = '', args = '', result = ''] = /^(\w+)\((.*)\) += (-?\d+)/s.exec(call) ?? [];
    if (name === '' || result.startsWith('-')) continue;
    const upTo = resumed ? (begun?.upTo ?? 0) : operations.length;
    const descriptor = /^(\d+)<([^>]*)>/.exec(args);
    const path = relative(descriptor ? text(descriptor[2]!) : '', folder);
    const at = (n: number) => relative(strings(args)[n] ?? '', folder);
    if (name === 'close' && descriptor) offsets.delete(descriptor[1]!);
    else if ((name === 'write' || name === 'writev') && descriptor?.[1] === '1') {
      operations.push({ op: 'said', text: strings(args).join('') });
    } else if (name.startsWith('open')) {
      offsets.delete(result);
      if (at(0) !== undefined && args.includes('O_CREAT')) operations.push({ op: 'create', path: at(0)! });
      if (at(0) !== undefined && args.includes('O_TRUNC')) operations.push({ op: 'truncate', path: at(0)!, size: 0 });
    } else if (name.startsWith('rename') && at(0) !== undefined) {
      operations.push({ op: 'rename', path: at(0)!, to: at(1)! });
    } else if (/^(unlink|rmdir)/.test(name) && at(0) !== undefined) operations.push({ op: 'unlink', path: at(0)! });
    else if (name.startsWith('mkdir') && at(0) !== undefined) operations.push({ op: 'mkdir', path: at(0)! });
    else if (path === undefined) continue;
    else if (/write/.test(name)) {
      const bytes = Buffer.from(strings(args).join(''), 'latin1').subarray(0, Number(result));
      const positioned = name.startsWith('p');
      const offset = positioned ? Number(/, (\d+)$/.exec(args)?.[1]) : (offsets.get(descriptor![1]!) ?? 0);
      if (!positioned) offsets.set(descriptor![1]!, offset + bytes.length);
      operations.push({ op: 'write', path, offset, hex: bytes.toString('hex') });
    } else if (name === 'ftruncate')
      operations.push({ op: 'truncate', path, size: Number(/, (\d+)$/.exec(args)?.[1]) });
    else if (name.endsWith('sync')) operations.push({ op: 'sync', path, upTo });
  }
  const folders = new Set(['', ...operations.flatMap((one) => (one.op === 'mkdir' ? [one.path] : []))]);
  return operations.map((one) => (one.op === 'sync' && folders.has(one.path) ? { ...one, op: 'syncFolder' } : one));
}

/** Undefined for what lies outside. */
function relative(path: string, folder: string): string | undefined {
  if (path === folder) return '';
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : undefined;
}
