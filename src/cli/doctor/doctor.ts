import type { MurkyConfig } from '../../config/contract.js';
import { loadConfig } from '../../config/load.js';
import { readClusterKeys } from '../../node/cluster-key.js';
import { silentLog } from '../../seam/log.js';
import { asMurkyError } from '../failure.js';
import { coloursFor } from '../terminal/colours.js';
import { print, printable, printJson } from '../terminal/output.js';
import { table } from '../terminal/table.js';
import type { Check } from './check.js';
import { dataFolderChecks, fileLimitChecks } from './machine.js';
import { portChecks } from './ports.js';
import { runtimeChecks } from './runtime.js';

const colours = coloursFor(process.stdout);

export interface DoctorOptions {
  readonly config?: string;
  readonly json?: true;
}

/** Looks at all there is to look at and says what it found. */
export async function doctor(options: DoctorOptions): Promise<void> {
  const { config, check } = configuration(options.config);
  const checks: Check[] = [...runtimeChecks(), check, ...fileLimitChecks()];
  if (config) checks.push(...clusterKeyChecks(config), ...dataFolderChecks(config), ...(await portChecks(config)));
  const failed = checks.filter(({ state }) => state === 'fail').length;
  if (options.json) await printJson({ ok: failed === 0, checks });
  else await print(report(checks, failed));
  if (failed > 0) process.exitCode = 1;
}

function configuration(file: string | undefined): { config?: MurkyConfig; check: Check } {
  try {
    const { config, file: read } = loadConfig({ file });
    return { config, check: { name: 'configuration', state: 'ok', found: read ?? 'the defaults; no file here' } };
  } catch (error) {
    const { message, hint } = asMurkyError(error);
    const check: Check = { name: 'configuration', state: 'fail', found: message, ...(hint ? { advice: hint } : {}) };
    return { check };
  }
}

function clusterKeyChecks({ cluster }: MurkyConfig): Check[] {
  const name = 'cluster key';
  if (cluster.keyFile === null) {
    const found = cluster.insecure
      ? 'none, and insecure: everybody on the way can read and forge'
      : 'none: this machine only';
    return [
      {
        name,
        state: cluster.insecure ? 'warn' : 'ok',
        found,
        ...(cluster.insecure ? { advice: 'murky keygen -o cluster.key' } : {}),
      },
    ];
  }
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_facts: object, sentence: string) => warnings.push(sentence) };
  try {
    readClusterKeys(cluster.keyFile, log);
  } catch (error) {
    const { message, hint } = asMurkyError(error);
    return [{ name, state: 'fail', found: message, ...(hint ? { advice: hint } : {}) }];
  }
  if (warnings.length === 0) return [{ name, state: 'ok', found: cluster.keyFile }];
  return [{ name, state: 'warn', found: cluster.keyFile, advice: warnings.join(' ') }];
}

const SIGNS: Record<Check['state'], string> = {
  ok: colours.green('ok'),
  warn: colours.yellow('warn'),
  fail: colours.red('fail'),
};

function report(checks: readonly Check[], failed: number): string {
  const rows = checks.flatMap(({ name, state, found, advice }) => {
    const [first = '', ...more] = found.split('\n');
    return [
      [SIGNS[state], name, printable(first)],
      ...more.map((line) => ['', '', printable(line)]),
      ...(advice === undefined ? [] : [['', '', `${colours.dim('→')} ${printable(advice)}`]]),
    ];
  });
  const warned = checks.filter(({ state }) => state === 'warn').length;
  const closing =
    failed > 0
      ? `${failed} of ${checks.length} checks failed.`
      : warned > 0
        ? `A node runs here; ${warned} of ${checks.length} checks found something to improve.`
        : `All ${checks.length} checks are well.`;
  return `${table(rows)}\n${closing}\n`;
}
