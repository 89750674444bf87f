import { compareVersions, type Version, versionToText } from '../../../../src/object/version.js';
import { type History, numberIn, valueWritten, type Write } from '../history.js';
import { Violation } from '../violation.js';

/** Readers get whole values that someone wrote, each under its own version, and never parts of two. */
export class Reads {
  checked = 0;
  readonly #seen = new Map<string, number>();

  constructor(private readonly history: History) {}

  check(key: string, node: number, version: Version, value: Buffer): void {
    this.checked += 1;
    const write = value.length === 0 ? this.history.empty(key) : this.history.writes[numberIn(value) - 1];
    if (write?.kind !== 'put' || write.key !== key || !valueWritten(write).equals(value)) {
      throw new Violation('reads', `Node ${node} gave ${value.length} bytes for "${key}" that nobody wrote.`);
    }
    if (value.length === 0) return; // values of no bytes look all alike
    const other = this.history.of(key).find((one) => one.version && compareVersions(one.version, version) === 0);
    if (other && other !== write) throw this.#mixed(key, node, write, other);
    const name = `${key} ${versionToText(version)}`;
    const before = this.#seen.get(name);
    if (before !== undefined && before !== write.number) throw this.#mixed(key, node, write);
    this.#seen.set(name, write.number);
  }

  #mixed(key: string, node: number, write: Write, other?: Write): Violation {
    const instead = other ? `write ${other.number}` : 'another write';
    return new Violation('reads', `Node ${node} gave write ${write.number} of "${key}" as the version of ${instead}.`);
  }
}
