import { type FetchReport, type ServerReport, ServerState } from '../native/addon.js';
import { formatAddress } from './address.js';

/** What a fetch has done so far, server by server. */
export interface TransferReport extends FetchReport {
  /** `host:port` of the servers that sent wrong bytes and were left out from then on. */
  readonly culprits: readonly string[];
}

/** Of a fetch that has done nothing yet. */
export const NOTHING: FetchReport = {
  servers: [],
  blocks: 0,
  sourceSymbols: 0,
  decodingSymbols: 0,
  decoderBytes: 0,
  lookAheadBytes: 0,
};

/** Symbols received beyond the source symbols, as a share of them: 0.01 is one in a hundred. 0 where none was needed. */
export function overhead(report: FetchReport): number {
  return report.sourceSymbols === 0 ? 0 : report.decodingSymbols / report.sourceSymbols - 1;
}

/** The sum of the reports of several fetches; a server's state, rate and round trip are those of the last that had it. */
export function mergeReports(reports: readonly (FetchReport | undefined)[]): FetchReport {
  const servers = new Map<string, ServerReport>();
  const sum = { ...NOTHING };
  for (const report of reports) {
    if (!report) continue;
    sum.blocks += report.blocks;
    sum.sourceSymbols += report.sourceSymbols;
    sum.decodingSymbols += report.decodingSymbols;
    sum.decoderBytes += report.decoderBytes;
    sum.lookAheadBytes += report.lookAheadBytes;
    for (const server of report.servers) {
      const address = formatAddress(server);
      const before = servers.get(address);
      servers.set(address, {
        ...server,
        symbols: server.symbols + (before?.symbols ?? 0),
        useful: server.useful + (before?.useful ?? 0),
        lost: server.lost + (before?.lost ?? 0),
        rateBitsPerSecond: server.rateBitsPerSecond || (before?.rateBitsPerSecond ?? 0),
        capacityBitsPerSecond: server.capacityBitsPerSecond || (before?.capacityBitsPerSecond ?? 0),
        roundTripMs: server.roundTripMs || (before?.roundTripMs ?? 0),
      });
    }
  }
  return { ...sum, servers: [...servers.values()] };
}

/** How far a transfer has come. */
export interface TransferProgress {
  /** Verified bytes handed on. */
  readonly bytes: number;
  readonly seconds: number;
  /** Bytes of value in each symbol. */
  readonly symbolBytes: number;
}

/** A fetch as a user sees it; plain JSON. */
export interface RainReport extends TransferProgress {
  /** Symbols that decoding took beyond the source symbols, as a share of them. */
  readonly overhead: number;
  readonly sourceSymbols: number;
  readonly decodingSymbols: number;
  readonly servers: readonly RainServerReport[];
  readonly culprits: readonly string[];
}

/** A fetch that runs now; plain JSON. */
export interface RunningFetch extends RainReport {
  readonly key: string;
  readonly version: string;
  /** Bytes that are wanted in all. */
  readonly wantedBytes: number;
}

export interface RainServerReport {
  /** `host:port` */
  readonly address: string;
  readonly state: 'connecting' | 'alive' | 'silent' | 'refused';
  /** Received and genuine; of these, new to a block that was not whole yet. */
  readonly symbols: number;
  readonly useful: number;
  /** Sent but not received, by the gaps in their numbers. */
  readonly lost: number;
  readonly rateBitsPerSecond: number;
  readonly roundTripMs: number;
}

const STATE_NAMES: Record<ServerState, RainServerReport['state']> = {
  [ServerState.Connecting]: 'connecting',
  [ServerState.Alive]: 'alive',
  [ServerState.Silent]: 'silent',
  [ServerState.Refused]: 'refused',
};

export function summarise(report: TransferReport, transfer: TransferProgress): RainReport {
  return {
    ...transfer,
    overhead: overhead(report),
    sourceSymbols: report.sourceSymbols,
    decodingSymbols: report.decodingSymbols,
    servers: report.servers.map((server) => ({
      address: formatAddress(server),
      state: STATE_NAMES[server.state],
      symbols: server.symbols,
      useful: server.useful,
      lost: server.lost,
      rateBitsPerSecond: server.rateBitsPerSecond,
      roundTripMs: server.roundTripMs,
    })),
    culprits: report.culprits,
  };
}
