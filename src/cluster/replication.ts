import { MurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import { compareVersions, type Version } from '../object/version.js';
import type { Address } from '../rain/contract.js';
import type { Clock } from '../seam/clock.js';
import { contactText } from './contact.js';
import type { Delivered } from './delivery.js';
import type { Handover } from './handover.js';
import type { Owners } from './ownership.js';
import type { Member } from './peers.js';
import { quorumOf } from './placement.js';
import type { Holders } from './poll.js';
import { majorityOf } from './quorum.js';

/** How many owners hold a version durably, of how many, and how many had to. */
export interface Replicated {
  readonly durable: number;
  readonly owners: number;
  readonly quorum: number;
  /** An owner held a newer version before the quorum was reached: a write without order has to try again. */
  readonly newer?: Version;
  /** The newest version that an owner held in its place: written at the same time, and the one that is read. */
  readonly overtaken?: Version;
}

export interface ReplicationOptions {
  readonly writeQuorum: number | 'majority';
  /** Longest time in which no owner gets further. */
  readonly writeTimeoutMs: number;
}

interface Task {
  readonly owners: Owners;
  readonly count: number;
  readonly quorum: number;
  /** Those that hold the version already. */
  readonly holders: Holders;
  /** Those to be brought it. */
  readonly missing: readonly Member[];
  readonly outcomes: Record<string, string>;
  readonly newerCounts: boolean;
}

interface ReplicationSeams {
  readonly clock: Clock;
  readonly owners: (id: bigint) => Owners;
  readonly onNewer: (owner: Member, id: bigint, version: Version) => void;
  /** Brings a version that others hold to this node, an owner. */
  readonly pullHere: (manifest: Manifest, holders: readonly Address[], onProgress: () => void) => Promise<Delivered>;
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
   * get it in the background. An owner that holds a newer version counts like one that holds this one if the write is
   * `ordered`, that is, greater than all that was acknowledged before it began: then it was overwritten by one of the
   * same time. Otherwise the newer version ends it early. MURKY_NO_QUORUM when the quorum cannot be reached, or nothing
   * went on for the write timeout.
   */
  async replicate(manifest: Manifest, ordered: boolean): Promise<Replicated> {
    const { owners, count, quorum } = this.plan(manifest.id);
    const outcomes: Record<string, string> = {};
    // As they are now: who goes away while the hints are written is still brought it, and so gets one as well.
    const missing = owners.others.filter((owner) => owner.state === 'alive');
    for (const owner of owners.others) {
      if (missing.includes(owner)) continue;
      outcomes[contactText(owner.contact)] = 'away';
      await this.handover.owe(owner, manifest);
    }
    const holders = { self: owners.self, others: [] };
    return this.#bring(manifest, { owners, count, quorum, holders, missing, outcomes, newerCounts: ordered });
  }

  /**
   * The second phase of a quorum read: resolves when more than half of the owners hold `manifest`'s version or a newer
   * one durably, of which `holders` are known to hold this one. MURKY_NO_QUORUM if that cannot be reached.
   */
  async writeBack(manifest: Manifest, holders: Holders): Promise<void> {
    const owners = this.seams.owners(manifest.id);
    const count = owners.others.length + (owners.self ? 1 : 0);
    const quorum = majorityOf(count);
    const known = new Set(holders.others.map(({ id }) => id));
    const holding = { self: owners.self && holders.self, others: owners.others.filter(({ id }) => known.has(id)) };
    if (holding.others.length + (holding.self ? 1 : 0) >= quorum) return;
    const missing = owners.others.filter(({ id, state }) => state === 'alive' && !known.has(id));
    const outcomes: Record<string, string> = {};
    await this.#bring(manifest, { owners, count, quorum, holders: holding, missing, outcomes, newerCounts: true });
  }

  #bring(manifest: Manifest, task: Task): Promise<Replicated> {
    const { owners, count, quorum, missing, outcomes, newerCounts } = task;
    return new Promise((resolve, reject) => {
      let durable = task.holders.others.length + (task.holders.self ? 1 : 0);
      const pullsHere = owners.self && !task.holders.self;
      let running = missing.length + (pullsHere ? 1 : 0);
      let answered = false;
      let settled = false; // answered, and not with a newer version
      let overtaken: Version | undefined;
      const newerAt: [Member, Version][] = [];
      // Before the answer the bytes are needed here: for owners that lack them, or to try again.
      const adopt = () => {
        for (const [owner, version] of newerAt.splice(0)) this.seams.onNewer(owner, manifest.id, version);
      };
      const holders: Address[] = task.holders.others.map(({ address }) => address);
      let stopTimer = () => {};
      const answer = (newer?: Version) => {
        answered = true;
        settled = newer === undefined;
        stopTimer();
        resolve({ durable, owners: count, quorum, ...(newer && { newer }), ...(overtaken && { overtaken }) });
        if (settled) adopt();
      };
      const fail = () => {
        answered = true;
        settled = true;
        stopTimer();
        reject(noQuorum(manifest, durable, count, quorum, outcomes));
        adopt();
      };
      const onProgress = () => {
        stopTimer();
        if (!answered) stopTimer = this.seams.clock.after(this.options.writeTimeoutMs, fail);
      };
      const check = (newer?: Version) => {
        if (answered) return;
        if (durable >= quorum) answer();
        else if (newer && !newerCounts) answer(newer);
        else if (durable + running < quorum) fail();
      };
      const onDelivered = (name: string, delivered: Delivered) => {
        running -= 1;
        const newer = delivered.kind === 'newer' ? delivered.version : undefined;
        if (newer && (!overtaken || compareVersions(newer, overtaken) > 0)) overtaken = newer;
        if (delivered.kind === 'durable' || (newer && newerCounts)) durable += 1;
        else outcomes[name] = delivered.kind === 'refused' ? delivered.code : delivered.kind;
        check(newer);
      };
      onProgress();
      check();
      if (pullsHere) {
        this.seams.pullHere(manifest, holders, onProgress).then(
          (delivered) => onDelivered('this node', delivered),
          () => onDelivered('this node', { kind: 'silent' }),
        );
      }
      for (const owner of missing) {
        this.handover
          .start(owner, manifest, { holders: () => holders, repair: false, onProgress })
          .catch((): Delivered => ({ kind: 'silent' })) // closing
          .then((delivered) => {
            if (delivered.kind === 'durable') holders.push(owner.address);
            onDelivered(contactText(owner.contact), delivered);
            if (delivered.kind === 'newer') newerAt.push([owner, delivered.version]);
            if (settled) adopt();
            if (running === 0 && holders.length === owners.others.length) void this.handover.settle(manifest);
          });
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
  const holds = `${owners === 1 ? 'owner' : 'owners'} ${durable === 1 ? 'holds' : 'hold'}`;
  const because = full > 0 ? `, as ${full === 1 ? 'one is' : `${full} are`} full` : '';
  return new MurkyError(
    'MURKY_NO_QUORUM',
    `Only ${durable} of ${owners} ${holds} "${manifest.key}" durably, and ${quorum} have to${because}.`,
    { hint: 'It stays here and goes to the others as soon as they take it; writing it again does no harm.', facts },
  );
}
