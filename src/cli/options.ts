import { InvalidArgumentError, Option } from 'commander';

/** What every command that reports something takes. */
export interface ReportOptions {
  readonly json?: true;
  readonly quiet?: true;
}

/** What every command that talks HTTP to a node takes. */
export interface NodeOptions {
  readonly node?: URL;
  readonly tokenFile?: string;
  /** Seconds. */
  readonly timeout: number;
}

export const jsonOption = () => new Option('--json', 'print JSON, for programs; failures too, on standard error');
export const quietOption = () => new Option('-q, --quiet', 'no progress and no closing line');

export const nodeOption = () =>
  new Option(
    '--node <url>',
    'node to talk to (environment: MURKY_NODE; default: the one that murky-config.json here describes, or http://127.0.0.1:8080)',
  ).argParser(parseNodeUrl);

export const tokenFileOption = () =>
  new Option('--token-file <file>', 'file whose first line is the access token (environment: MURKY_TOKEN_FILE)');

export const consistencyOption = () =>
  new Option('--consistency <which>', 'local: what the node has or finds; quorum: what a majority of the owners knows')
    .choices(['local', 'quorum'])
    .default('local');

/** Of commands that write; each as a header has it. */
export interface ConditionOptions {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
}

export const ifMatchOption = () =>
  new Option('--if-match <sha256>', 'only if the object there has this SHA-256, or with * if there is one').argParser(
    parseTag,
  );
export const ifNoneMatchOption = () =>
  new Option(
    '--if-none-match <sha256>',
    'only if the object there has another SHA-256, or with * if there is none',
  ).argParser(parseTag);

export function conditionHeaders({ ifMatch, ifNoneMatch }: ConditionOptions): Record<string, string> {
  return {
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    ...(ifNoneMatch !== undefined && { 'if-none-match': ifNoneMatch }),
  };
}

/** An ETag is the SHA-256 in quotes. */
export function parseTag(text: string): string {
  if (text === '*') return text;
  const sha256 = /^"?([0-9a-f]{64})"?$/i.exec(text)?.[1];
  if (sha256 === undefined) throw new InvalidArgumentError('It is a SHA-256, 64 hexadecimal digits, or *.');
  return `"${sha256.toLowerCase()}"`;
}

/** `continue` in the options. */
export const continueOption = () =>
  new Option(
    '-c, --continue',
    'with -o: keep what came as FILE.part where the transfer breaks off, and go on with it the next time',
  );

export const contentTypeOption = () =>
  new Option('--content-type <type>', 'media type that comes back with the object').argParser(parseContentType);

export const timeoutOption = (seconds: number) =>
  new Option('--timeout <seconds>', 'give up when nothing has moved for so long')
    .argParser(parseSeconds)
    .default(seconds);

/** http://host:port, or host:port for short. */
export function parseNodeUrl(text: string): URL {
  const whole = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw new InvalidArgumentError('It is written as http://HOST:PORT.');
  }
  return url;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^[0-9]+(\.[0-9]+)?$/.test(text) || seconds <= 0 || seconds > 86400) {
    throw new InvalidArgumentError('It is a number of seconds, more than 0 and at most 86400.');
  }
  return seconds;
}

function parseContentType(text: string): string {
  if (!/^[\x21-\x7e]+\/[\x20-\x7e]+$/.test(text)) throw new InvalidArgumentError('It is written as image/jpeg.');
  return text;
}
