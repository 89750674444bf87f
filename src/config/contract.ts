/** The whole configuration, every key present. The file's keys are the kebab-case forms; see docs/configuration.md. */
export interface MurkyConfig {
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** File whose first line is the bearer token that every request but the health checks brings; null: loopback only. */
    readonly accessTokenFile: string | null;
    readonly maxObjectBytes: number;
  };
  readonly pouringRain: {
    readonly host: string;
    readonly port: number;
    /** host:port that other nodes shall use, where it differs from what is bound; null to use what is bound. */
    readonly advertise: string | null;
    readonly maxRateBitsPerSecond: number;
    readonly maxRatePerPeerBitsPerSecond: number;
    /** Packet loops that share the port. */
    readonly threads: number;
    /** Share of outgoing datagrams thrown away, for tests and demos. */
    readonly dropFraction: number;
    readonly maxSubscriptions: number;
    readonly maxSubscriptionsPerPeer: number;
    readonly maxInboundRequests: number;
    readonly maxInboundRequestsPerPeer: number;
    readonly maxFetches: number;
    readonly maxStrangersPerSecond: number;
    /** Blocks that are kept for the next reader. */
    readonly blockCacheBytes: number;
    /** Blocks of one fetch, being decoded or waiting for the reader. */
    readonly fetchWindowBytes: number;
    /** group:port that blocks with several readers are poured to; null: none. */
    readonly multicastGroup: string | null;
    readonly multicastInterface: string | null;
    readonly multicastTtl: number;
    readonly multicastMaxRateBitsPerSecond: number;
    /** How long a server that sent wrong bytes is left out of fetches the first time. */
    readonly quarantineMs: number;
  };
  readonly dataDir: string;
  /** Path of the servers list, resolved against the folder of the configuration file. */
  readonly serversList: string;
  readonly behaviour: {
    readonly propagateOnStartup: boolean;
    readonly autoAddPeers: boolean;
    readonly shareContent: boolean;
  };
  readonly cluster: {
    readonly keyFile: string | null;
    readonly insecure: boolean;
    readonly replicas: number;
    readonly writeQuorum: number | 'majority';
    /** Share of objects that this node owns, against the others' weights; 0 owns nothing. */
    readonly weight: number;
    /** Nodes of one zone fail together: owners of an object are spread over zones. At most 32 bytes. */
    readonly zone: string;
    /** Owns nothing until it takes the place of a node that is gone. */
    readonly standby: boolean;
    readonly mdns: boolean;
    /** How long a node may be away before others take its place. */
    readonly graceSeconds: number;
    readonly registry: 'swim' | 'etcd';
    readonly etcdEndpoints: readonly string[];
    readonly etcdPrefix: string;
    readonly etcdLeaseSeconds: number;
    readonly etcdCaFile: string | null;
    readonly etcdCertFile: string | null;
    readonly etcdKeyFile: string | null;
    readonly etcdUser: string | null;
    readonly etcdPasswordFile: string | null;
    readonly writeTimeoutMs: number;
  };
  readonly repair: {
    /** Most that repair moves, from here and to here together. */
    readonly bytesPerSecond: number;
    /** Objects that are repaired at once. */
    readonly concurrent: number;
    /** How often everything is compared with the other owners. */
    readonly compareMinutes: number;
  };
  readonly cache: {
    /** Bytes of block values, replicas and cached copies together. */
    readonly maxBytes: number;
  };
  readonly reclaim: {
    /** Most of the time that giving the room of dead blocks back keeps the disk busy in the background. */
    readonly maxTimeFraction: number;
  };
  readonly versions: {
    /** How long overwritten versions are kept while there is room. */
    readonly retentionHours: number;
    /** Deletions, kept for good, beyond which a node warns. */
    readonly tombstonesWarningCount: number;
  };
  readonly scrub: {
    /** Most that the background check of the store reads; 0: it reads nothing. */
    readonly bytesPerSecond: number;
  };
  readonly log: {
    readonly maxLinesPerSecond: number;
  };
}
