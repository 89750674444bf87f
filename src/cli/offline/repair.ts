import { type Repaired, repairFolder } from '../../store/repair.js';
import { print, printable, printJson } from '../terminal/output.js';
import { startProgress } from '../terminal/progress.js';
import { countText } from '../terminal/quantity.js';
import { amountText, damageText, ShownFindings } from './findings.js';
import { dataFolder, type FolderOptions } from './folder.js';

/** Exit code 1 if something is left that only other nodes can mend. */
export async function repair(named: string | undefined, options: FolderOptions, signal: AbortSignal): Promise<void> {
  const { folder, maxBytes } = dataFolder(named, options);
  const found = new ShownFindings();
  const left = new ShownFindings();
  const progress = startProgress('repair', { quiet: options.quiet });
  const repaired = await repairFolder(
    folder,
    { maxBytes },
    {
      step: (sentence) => progress.note(sentence),
      finding: (one) => found.add(one),
      left: (one) => left.add(one),
      advance: (bytes) => progress.advance(bytes),
      signal,
    },
  ).finally(() => progress.stop());
  const { after } = repaired;
  const ok = after.findings === 0;
  if (options.json) {
    const { before, ...did } = repaired;
    await printJson({ ok, folder, ...did, count: before?.findings ?? null, findings: found.shown, left: left.shown });
  } else {
    await print(`${found.lines()}${doneLines(repaired)}`);
    await print(`${left.lines()}${printable(folder)}: ${amountText(after)} read: ${damageText(after)}\n`);
    if (!ok) progress.note('The node fetches damaged blocks from the other owners when it runs.');
  }
  if (!ok) process.exitCode = 1;
}

function doneLines({ before, rebuilt, restoredEntries, droppedEntries, journalRenewed }: Repaired): string {
  const lines: string[] = [];
  if (!before) lines.push('The folder was of an older format and has been upgraded.');
  if (rebuilt) {
    const { versions, blocks, missingBlocks, droppedVersions } = rebuilt;
    lines.push(
      `The index has been made anew: ${countText(versions, 'version')} and ${countText(blocks, 'block')} found, ` +
        `${countText(missingBlocks, 'block')} missing, ${countText(droppedVersions, 'damaged version')} left out.`,
      'The damaged index is kept in lost+found/index.',
    );
  }
  if (restoredEntries > 0) lines.push(`${countText(restoredEntries, 'entry', 'entries')} put back from the journal.`);
  if (droppedEntries > 0) {
    lines.push(`${countText(droppedEntries, 'entry', 'entries')} of nothing set aside in lost+found/entries.jsonl.`);
  }
  if (journalRenewed) lines.push('The journal has been begun anew.');
  if (lines.length === 0) lines.push('There was nothing to mend.');
  return lines.map((line) => `${line}\n`).join('');
}
