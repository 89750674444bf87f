import type { ClusterNode } from '../node/contract.js';
import { countText, secondsText } from './terminal/quantity.js';

/** As configured. */
export interface ClusterShape {
  readonly replicas: number;
  readonly writeQuorum: number | 'majority';
  readonly graceSeconds: number;
}

/**
 * The whole cluster in a line: how many nodes are up, what lacks a copy, what repair has to do and when it will be done.
 * Each object that lacks a copy is reported by one node, so that the sum is right where all answer.
 */
export function clusterOverview(nodes: readonly ClusterNode[], shape: ClusterShape): string {
  const members = nodes.filter(({ state }) => state !== 'left');
  const up = members.filter(({ state }) => state === 'alive' || state === 'suspect');
  const silent = up.filter(({ summary }) => summary === null).length;
  const away = members.some(({ state }) => state === 'away');
  return [
    `${up.length} of ${countText(members.length, 'node', 'nodes')} up`,
    ...(silent > 0 ? [`${silent} did not answer`] : []),
    lackText(sum(up, 'underReplicated')),
    ...repairTexts(up, away),
    ...writesText(members, up, shape),
  ].join(', ');
}

/** What becomes of a write now, where it is not as usual. */
function writesText(
  members: readonly ClusterNode[],
  up: readonly ClusterNode[],
  { replicas, writeQuorum, graceSeconds }: ClusterShape,
): string[] {
  const holding = members.filter(({ weight }) => (weight ?? 0) > 0);
  const places = holding.filter(({ standby }) => !standby);
  const awaited = holding.filter(({ state, awaySeconds }) => state !== 'away' || (awaySeconds ?? 0) < graceSeconds);
  const passedOver = places.filter((node) => !awaited.includes(node)).length;
  /** A standby node counts once it takes the place of one that is passed over. */
  const counting = (some: readonly ClusterNode[]) => {
    const standby = some.filter((node) => node.standby).length;
    return some.length - standby + Math.min(standby, passedOver);
  };
  const copies = counting(holding.filter((node) => up.includes(node)));
  const owners = Math.min(replicas, counting(awaited));
  const missing = (writeQuorum === 'majority' ? Math.floor(owners / 2) + 1 : writeQuorum) - copies;
  if (missing > 0) return [`nothing can be written until ${countText(missing, 'more node is', 'more nodes are')} up`];
  if (copies >= Math.min(replicas, places.length)) return [];
  return [`new objects have ${countText(copies, 'copy', 'copies')} of ${replicas} until more nodes are up`];
}

function lackText(lacking: number): string {
  if (lacking === 0) return 'no object lacks a copy';
  return lacking === 1 ? '1 object lacks a copy' : `${lacking} objects lack a copy`;
}

function repairTexts(up: readonly ClusterNode[], away: boolean): string[] {
  const at = (state: string) => up.filter(({ summary }) => summary?.repair === state);
  const repairing = at('repairing');
  if (repairing.length > 0) {
    const left = repairing.map(({ summary }) => summary?.repairSecondsLeft ?? Number.POSITIVE_INFINITY);
    const longest = Math.max(...left);
    const end = Number.isFinite(longest) ? `done in ${secondsText(longest)}` : 'its end is not known yet';
    return [`repair has ${sum(repairing, 'repairQueued')} to do, ${end}`];
  }
  const waiting = sum(at('waiting'), 'repairQueued');
  return waiting > 0 ? [`repair waits with ${waiting} for ${awaitedText(away)}`] : [];
}

/** What repair waits for. */
export function awaitedText(away: boolean): string {
  return away ? 'nodes that are away' : 'room, or a sound copy, at other nodes';
}

function sum(nodes: readonly ClusterNode[], fact: 'underReplicated' | 'repairQueued'): number {
  return nodes.reduce((total, { summary }) => total + (summary?.[fact] ?? 0), 0);
}
