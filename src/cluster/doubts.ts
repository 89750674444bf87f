import type { Address } from '../rain/contract.js';
import type { Log } from '../seam/log.js';
import { contactText } from './contact.js';
import type { Member } from './peers.js';
import { differences, type Settings } from './settings.js';

/** Versions follow the greatest clock, and retention and tombstones count by clocks: more than this is no drift. */
export const MAX_CLOCK_SKEW_MS = 30_000;
const MAX_SENTENCES = 64;

/**
 * What is wrong between this node and others, and would not show otherwise: two nodes with one identity, clocks that
 * differ, configurations that contradict each other. One sentence each, in the log once and in the status while it holds.
 */
export class Doubts {
  readonly #conflicts = new Map<bigint, string>();
  /** By what is wrong and with whom. */
  readonly #warnings = new Map<string, string>();

  constructor(
    private readonly selfId: bigint,
    private readonly settings: Settings,
    private readonly log: Log,
  ) {}

  /** One sentence for each identity that two running nodes claim. */
  conflicts(): string[] {
    return [...this.#conflicts.values()];
  }

  warnings(): string[] {
    return [...this.#warnings.values()];
  }

  /** `from`: where it was heard from, if it was. */
  onTwinOfSelf(from?: Address): void {
    const where = from ? ` (${contactText(from)})` : '';
    this.#conflict(this.selfId, `Another running node${where} has the id of this one.`);
  }

  /** A restart changes the boot once. Two nodes with one data folder take turns: an earlier boot comes back. */
  onBoot(member: Member, boot: bigint, from: Address): void {
    if (member.boot === boot) return;
    if (member.previousBoot === boot) {
      const where = `${contactText(member.contact)} and ${contactText(from)}`;
      this.#conflict(member.id, `Two running nodes have the id ${idText(member.id)} (${where}).`);
    }
    if (member.boot !== undefined) member.previousBoot = member.boot;
    member.boot = boot;
  }

  /** The skew was measured within `tookMs`, and may be wrong by half of it. */
  onClock(member: Member, tookMs: number): void {
    const skewMs = member.clockSkewMs ?? 0;
    const sureMs = Math.abs(skewMs) - tookMs / 2;
    const where = contactText(member.contact);
    const direction = skewMs > 0 ? 'ahead of' : 'behind';
    const sentence = `The clock of ${where} is ${spanText(Math.abs(skewMs))} ${direction} the one here; set both by NTP.`;
    this.#warn(`clock ${member.id}`, sureMs > MAX_CLOCK_SKEW_MS ? sentence : undefined);
  }

  onSettings(member: Member, settings: Settings): void {
    member.settings = settings;
    const differ = differences(this.settings, settings);
    const where = contactText(member.contact);
    const sentence = `${where} is configured otherwise: ${differ.join(', ')}; all nodes of a cluster need the same.`;
    this.#warn(`settings ${member.id}`, differ.length > 0 ? sentence : undefined);
  }

  onGone(id: bigint): void {
    this.#warnings.delete(`clock ${id}`);
    this.#warnings.delete(`settings ${id}`);
  }

  #warn(name: string, sentence: string | undefined): void {
    const told = this.#warnings.has(name);
    if (sentence === undefined) this.#warnings.delete(name);
    else if (told || this.#warnings.size < MAX_SENTENCES) this.#warnings.set(name, sentence);
    if (sentence !== undefined && !told && this.#warnings.has(name)) this.log.warn({}, sentence);
  }

  #conflict(id: bigint, sentence: string): void {
    if (this.#conflicts.has(id) || this.#conflicts.size >= MAX_SENTENCES) return;
    const whole = `${sentence} A data folder was copied: empty the copy's folder, so that it gets an id of its own.`;
    this.#conflicts.set(id, whole);
    this.log.error({ id: idText(id) }, whole);
  }
}

function idText(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}

function spanText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const units = [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ] as const;
  const [size, name] = units.find(([size]) => seconds >= size) ?? [1, 'second'];
  const count = Math.round(seconds / size);
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
