import { MurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import type { Version } from '../object/version.js';
import type { Address } from '../rain/contract.js';
import type { Clock } from '../seam/clock.js';
import { contactText } from './contact.js';
import type { Delivered } from './delivery.js';
import type { Handover, Owners } from './handover.js';
import type { Member } from './peers.js';
import { quorumOf } from './placement.js';

/** How many owners hold a version durably, of how many, and how many had to. */
export interface Replicated {
  readonly durable: number;
  readonly owners: number;
  readonly quorum: number;
  /** An owner held a newer version before the quorum was reached: the write has lost against it. */
  readonly newer?: Version;
}

export interface ReplicationOptions {
  readonly writeQuorum: number | 'majority';
  /** Longest time in which no owner gets further. */
  readonly writeTimeoutMs: number;
}

interface ReplicationSeams {
  readonly clock: Clock;
  readonly owners: (id: bigint) => Owners;
  readonly onNewer: (owner: Member, id: bigint, version: Version) => void;
}

/** Brings writes to their owners and counts who holds them. */
export class Replication {
  constructor(
    private readonly options: ReplicationOptions,
    private readonly handover: Handover,
    private readonly seams: ReplicationSeams,
  ) {}

  /** Owners and how many of them a write needs; MURKY_NO_QUORUM if there are not even as many. */
  plan(id: bigint): { owners: Owners; count: number; quorum: number } {
    const owners = this.seams.owners(id);
    const count = owners.others.length + (owners.self ? 1 : 0);
    const quorum = quorumOf(count, this.options.writeQuorum);
    if (count === 0) {
      throw new MurkyError('MURKY_NO_QUORUM', 'No node that owns objects is known: this one has weight 0.', {
        hint: 'Start a node with a weight above 0, or check that servers-list and cluster key are right.',
        facts: { owners: 0, quorum },
      });
    }
    if (quorum > count) {
      throw new MurkyError('MURKY_NO_QUORUM', `The write quorum is ${quorum}, but there are only ${count} owners.`, {
        hint: 'Start more nodes, or lower cluster.write-quorum.',
        facts: { owners: count, quorum },
      });
    }
    return { owners, count, quorum };
  }

  /**
   * Resolves as soon as a quorum of owners holds `manifest`'s version, which this node holds durably already; the others
   * get it in the background. An owner that holds a newer version ends it early, or with `newerCounts` counts like one
   * that holds this one: it was written there, and then overwritten. MURKY_NO_QUORUM when the quorum cannot be reached,
   * or nothing went on for the write timeout.
   */
  async replicate(manifest: Manifest, newerCounts = false): Promise<Replicated> {
    const { owners, count, quorum } = this.plan(manifest.id);
    const away = owners.others.filter((owner) => owner.state !== 'alive');
    const present = owners.others.filter((owner) => owner.state === 'alive');
    const outcomes: Record<string, string> = {};
    for (const owner of away) {
      outcomes[contactText(owner.contact)] = 'away';
      await this.handover.owe(owner, manifest);
    }
    return new Promise((resolve, reject) => {
      let durable = owners.self ? 1 : 0;
      let running = present.length;
      let answered = false;
      let settled = false; // answered, and not with a newer version
      const holders: Address[] = [];
      let stopTimer = () => {};
      const answer = (newer?: Version) => {
        answered = true;
        settled = newer === undefined;
        stopTimer();
        resolve({ durable, owners: count, quorum, ...(newer && { newer }) });
      };
      const fail = () => {
        answered = true;
        settled = true;
        stopTimer();
        reject(noQuorum(manifest, durable, count, quorum, outcomes));
      };
      const onProgress = () => {
        stopTimer();
        if (!answered) stopTimer = this.seams.clock.after(this.options.writeTimeoutMs, fail);
      };
      const check = (newer?: Version) => {
        if (answered) return;
        if (durable >= quorum) answer();
        else if (newer) answer(newer);
        else if (durable + running < quorum) fail();
      };
      const onDelivered = (owner: Member, delivered: Delivered) => {
        running -= 1;
        // Before the answer it is the writer's affair: it takes a greater version, for which it needs the blocks here.
        if (delivered.kind === 'newer' && settled) this.seams.onNewer(owner, manifest.id, delivered.version);
        if (delivered.kind === 'durable') holders.push(owner.address);
        if (delivered.kind === 'durable' || (delivered.kind === 'newer' && newerCounts)) durable += 1;
        else outcomes[contactText(owner.contact)] = delivered.kind === 'refused' ? delivered.code : delivered.kind;
        check(delivered.kind === 'newer' ? delivered.version : undefined);
        if (running === 0 && holders.length === owners.others.length) void this.handover.settle(manifest);
      };
      onProgress();
      check();
      for (const owner of present) {
        this.handover
          .start(owner, manifest, () => holders, onProgress)
          .then(
            (delivered) => onDelivered(owner, delivered),
            () => onDelivered(owner, { kind: 'silent' }), // closing
          );
      }
    });
  }
}

function noQuorum(
  manifest: Manifest,
  durable: number,
  owners: number,
  quorum: number,
  outcomes: Record<string, string>,
): MurkyError {
  const facts = { durable, owners, quorum, outcomes };
  const codes = Object.values(outcomes);
  if (codes.includes('MURKY_ID_TAKEN')) {
    return new MurkyError('MURKY_ID_TAKEN', `The id of "${manifest.key}" belongs to another key at its owners.`, {
      facts,
    });
  }
  const full = codes.filter((code) => code === 'MURKY_STORE_FULL' || code === 'MURKY_DISK_FULL').length;
  const holds = durable === 1 ? 'owner holds' : 'owners hold';
  const because = full > 0 ? `, as ${full === 1 ? 'one is' : `${full} are`} full` : '';
  return new MurkyError(
    'MURKY_NO_QUORUM',
    `Only ${durable} of ${owners} ${holds} "${manifest.key}" durably, and ${quorum} have to${because}.`,
    { hint: 'It stays here and goes to the others as soon as they take it; writing it again does no harm.', facts },
  );
}
