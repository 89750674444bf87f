export { type AddOutcome, Decoder, type DecoderOptions } from './codec/decoder.js';
export { Encoder } from './codec/encoder.js';
export type { MurkyConfig } from './config/contract.js';
export { defaultConfig, type LoadedConfig, type LoadOptions, loadConfig } from './config/load.js';
export { ERROR_CODES, type ErrorCode, isMurkyError, MurkyError, type MurkyErrorOptions } from './errors.js';
export type { Condition, Tags } from './node/condition.js';
export type {
  ClusterNode,
  ClusterReport,
  Consistency,
  DeleteOptions,
  DrainStatus,
  GetOptions,
  GetResult,
  NodeStatus,
  NodeSummary,
  ObjectNode,
  PeerStatus,
  PeersReport,
  PutOptions,
  ReadOptions,
  RepairProgress,
  RepairStatus,
  ScrubStatus,
  VersionText,
  WriteResult,
} from './node/contract.js';
export type { NodeEvents } from './node/events.js';
export { MurkyNode, type NodeSeams } from './node/murky-node.js';
export { resourceId } from './object/key.js';
export type { Manifest } from './object/manifest.js';
export { type Version, versionFromText, versionToText } from './object/version.js';
export { formatAddress, parseAddress } from './rain/address.js';
export {
  RainClient,
  type RainFetchOptions,
  type RainFetchProgress,
  type RainResult,
  type RainStream,
  type RainWholeFetchOptions,
} from './rain/client.js';
export type { Address, BlockSource } from './rain/contract.js';
export type { RainEndpointOptions } from './rain/endpoint.js';
export type { AddOptions } from './rain/memory-source.js';
export type { PathView } from './rain/path-history.js';
export type { Offence, QuarantineView } from './rain/quarantine.js';
export type { RainReport, RainServerReport, RunningFetch } from './rain/report.js';
export { RainServer, type RainServerOptions } from './rain/server.js';
export type { Clock } from './seam/clock.js';
export type { FilePlace } from './seam/file-place.js';
export type { Log } from './seam/log.js';
export type { Random } from './seam/random.js';
