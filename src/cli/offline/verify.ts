import { verifyFolder } from '../../store/verify.js';
import { print, printable, printJson } from '../terminal/output.js';
import { startProgress } from '../terminal/progress.js';
import { amountText, damageText, ShownFindings } from './findings.js';
import { dataFolder, type FolderOptions } from './folder.js';

/** Exit code 1 if anything is damaged. */
export async function verify(named: string | undefined, options: FolderOptions, signal: AbortSignal): Promise<void> {
  const { folder } = dataFolder(named, options);
  const findings = new ShownFindings();
  const progress = startProgress('verify', { quiet: options.quiet });
  const verified = await verifyFolder(folder, {
    finding: (one) => findings.add(one),
    advance: (bytes) => progress.advance(bytes),
    signal,
  }).finally(() => progress.stop());
  const ok = verified.findings === 0;
  if (options.json) {
    const { findings: count, ...amounts } = verified;
    await printJson({ ok, folder, ...amounts, count, findings: findings.shown });
  } else {
    await print(`${findings.lines()}${printable(folder)}: ${amountText(verified)} read: ${damageText(verified)}\n`);
    if (!ok && !options.quiet) progress.note('murky repair mends what can be mended here.');
  }
  if (!ok) process.exitCode = 1;
}
