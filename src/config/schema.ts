import { MAX_OBJECT_BYTES } from '../object/manifest.js';
import type { ConfigKey, KeySpec, ValueOf } from './config-key.js';
import type { MurkyConfig } from './contract.js';
import {
  host,
  hostAndPort,
  ipAddress,
  label,
  multicastGroup,
  number,
  orNull,
  orWord,
  path,
  port,
  trueOrFalse,
  urls,
  wholeNumber,
  word,
} from './kinds.js';

export const DEFAULT_CONFIG_FILE = 'murky-config.json';
/** Owners of one object; the hints, acknowledgements and placement of a write are bounded by it. */
export const MAX_REPLICAS = 16;

/** As in the member record of src/cluster. */
const MAX_ZONE_BYTES = 32;
const MAX_RATE_BITS_PER_SECOND = 1_000_000_000_000;

export type { ConfigKey, KeySpec } from './config-key.js';

/**
 * Every key of the configuration. The single source of the file's schema, the defaults, the environment variables, the
 * flags and docs/configuration.md; the compiler holds it against {@link MurkyConfig}.
 */
export const CONFIG_KEYS: { readonly [K in ConfigKey]: KeySpec<ValueOf<K>> } = {
  'http.host': {
    kind: host,
    default: '127.0.0.1',
    about: 'Address that the gateway binds; one that other machines can reach needs an access token.',
  },
  'http.port': { kind: port, default: 8080, about: 'TCP port of the gateway.' },
  'http.access-token-file': {
    kind: orNull(path),
    default: null,
    about: 'File whose first line is the bearer token that every request but the health checks must bring.',
  },
  'http.max-object-bytes': {
    kind: wholeNumber(1, MAX_OBJECT_BYTES),
    default: MAX_OBJECT_BYTES,
    unit: 'bytes',
    about: 'Largest object that the gateway takes; a larger one is answered with 413.',
  },
  'pouring-rain.host': {
    kind: host,
    default: '127.0.0.1',
    about: 'Address that the transport binds; one that other machines can reach needs a cluster key.',
  },
  'pouring-rain.port': { kind: port, default: 1980, about: 'UDP port of the transport.' },
  'pouring-rain.advertise': {
    kind: orNull(hostAndPort),
    default: null,
    about: 'Where other nodes find this one, if that is not what it binds.',
  },
  'pouring-rain.max-rate-bits-per-second': {
    kind: wholeNumber(1000, MAX_RATE_BITS_PER_SECOND),
    default: 10_000_000_000,
    unit: 'bits of IP payload per second',
    about: 'Most that this node sends to all others together.',
  },
  'pouring-rain.max-rate-per-peer-bits-per-second': {
    kind: wholeNumber(1000, MAX_RATE_BITS_PER_SECOND),
    default: 10_000_000_000,
    unit: 'bits of IP payload per second',
    about: 'Most that this node sends to one other address.',
  },
  'pouring-rain.threads': {
    kind: wholeNumber(1, 16),
    default: 1,
    unit: 'threads',
    about:
      'Packet loops that share the port, each with an even share of every limit of the transport. More than 1 on Linux only.',
  },
  'pouring-rain.drop-fraction': {
    kind: number(0, 1),
    default: 0,
    unit: 'share of datagrams',
    about: 'Share of its outgoing datagrams that this node throws away, for tests and demos.',
  },
  'pouring-rain.max-subscriptions': {
    kind: wholeNumber(1, 1_000_000),
    default: 1024,
    unit: 'subscriptions',
    about: 'Fetches of others that this node serves at once; more are told that it is busy.',
  },
  'pouring-rain.max-subscriptions-per-peer': {
    kind: wholeNumber(1, 1_000_000),
    default: 64,
    unit: 'subscriptions',
    about: 'Of these, those of one other address.',
  },
  'pouring-rain.max-inbound-requests': {
    kind: wholeNumber(1, 1_000_000),
    default: 4096,
    unit: 'requests',
    about: 'Requests of others in work at once; more are dropped, and repeated by whoever sent them.',
  },
  'pouring-rain.max-inbound-requests-per-peer': {
    kind: wholeNumber(1, 1_000_000),
    default: 256,
    unit: 'requests',
    about: 'Of these, those of one other address.',
  },
  'pouring-rain.max-fetches': {
    kind: wholeNumber(1, 65_535),
    default: 1024,
    unit: 'fetches',
    about: 'Fetches from others that this node runs at once.',
  },
  'pouring-rain.max-strangers-per-second': {
    kind: wholeNumber(100, 10_000_000),
    default: 10_000,
    unit: 'datagrams per second',
    about: 'Sealed datagrams of unknown senders that are tried with the keys; one address has a hundredth of it.',
  },
  'pouring-rain.block-cache-bytes': {
    kind: wholeNumber(2 ** 20, Number.MAX_SAFE_INTEGER),
    default: 64 * 2 ** 20,
    unit: 'bytes',
    about: 'Memory for blocks that are kept for the next reader, as they are or encoded.',
  },
  'pouring-rain.fetch-window-bytes': {
    kind: wholeNumber(2 ** 20, Number.MAX_SAFE_INTEGER),
    default: 46 * 2 ** 20,
    unit: 'bytes',
    about:
      'Blocks of one fetch that are being decoded or wait for the reader, at most; a third more memory while blocks that lost symbols are decoded. As much is used as the paths need, three to six times what they carry in a round trip, and at most 256 blocks: worth raising where that is more.',
  },
  'pouring-rain.multicast-group': {
    kind: orNull(multicastGroup),
    default: null,
    about: 'Group that blocks with several readers are poured to once for all, the same on all nodes; null: none.',
  },
  'pouring-rain.multicast-interface': {
    kind: orNull(ipAddress),
    default: null,
    about: 'Address of this machine by whose interface the group is reached; null: that of pouring-rain.host.',
  },
  'pouring-rain.multicast-ttl': {
    kind: wholeNumber(1, 255),
    default: 1,
    unit: 'networks',
    about: 'How far what is poured goes; 1 is the local network.',
  },
  'pouring-rain.multicast-max-rate-bits-per-second': {
    kind: wholeNumber(1_000_000, MAX_RATE_BITS_PER_SECOND),
    default: 50_000_000,
    unit: 'bits of IP payload per second',
    about: 'Most that this node pours to the group: a part of what the slowest of the readers can receive.',
  },
  'pouring-rain.quarantine-ms': {
    kind: wholeNumber(0, 3_600_000),
    default: 60_000,
    unit: 'milliseconds',
    about: 'How long a server that sent wrong bytes is left out of fetches; twice as long each time, up to 64 times.',
  },
  'data-dir': {
    kind: path,
    default: 'murky-data',
    about: 'Folder that holds the objects, the index and the identity of the node; it belongs to one node.',
  },
  'servers-list': {
    kind: path,
    default: 'servers.json',
    about: 'File that lists the first peers as [{"host": "...", "port": 1980}]; only the default one may be missing.',
  },
  'behaviour.propagate-on-startup': {
    kind: trueOrFalse,
    default: true,
    about: 'At its start the node compares what it owns with the other owners; otherwise only at the next turn.',
  },
  'behaviour.auto-add-peers': {
    kind: trueOrFalse,
    default: true,
    about: 'The node takes up peers that it hears of from others; otherwise it knows only the servers list.',
  },
  'behaviour.share-content': {
    kind: trueOrFalse,
    default: true,
    about: 'The node serves copies of what its own readers fetched to other nodes too; otherwise only its replicas.',
  },
  'cluster.key-file': {
    kind: orNull(path),
    default: null,
    about:
      'File with the key that all nodes of the cluster share, made by murky keygen; of several lines the first seals, ' +
      'all open, and SIGHUP reads them again.',
  },
  'cluster.insecure': {
    kind: trueOrFalse,
    default: false,
    about: 'Without a key, speak in clear with other machines all the same.',
  },
  'cluster.replicas': {
    kind: wholeNumber(1, MAX_REPLICAS),
    default: 3,
    unit: 'nodes',
    about: 'Owners of each object, where there are so many nodes.',
  },
  'cluster.write-quorum': {
    kind: orWord('majority', wholeNumber(1, MAX_REPLICAS)),
    default: 'majority',
    unit: 'nodes',
    about: 'Owners that must hold a write durably before it is acknowledged.',
  },
  'cluster.weight': {
    kind: number(0, 1000),
    default: 1,
    about: "This node's share of the objects against the weights of the others; 0 owns nothing.",
  },
  'cluster.zone': {
    kind: label(MAX_ZONE_BYTES),
    default: '',
    about: 'What this node shares its fate with, such as a rack or site; owners of an object are in different zones.',
  },
  'cluster.standby': {
    kind: trueOrFalse,
    default: false,
    about: 'The node owns nothing until it takes the place of one that has been away for too long.',
  },
  'cluster.mdns': {
    kind: trueOrFalse,
    default: false,
    about: 'Find nodes of this cluster on the local network, and be found, by multicast DNS; the key decides as ever.',
  },
  'cluster.grace-seconds': {
    kind: wholeNumber(0, 31_536_000),
    default: 600,
    unit: 'seconds',
    about: 'How long a node may be away before others take its place.',
  },
  'cluster.registry': {
    kind: word('swim', 'etcd'),
    default: 'swim',
    about: 'How nodes learn of each other: by asking each other, or from an etcd that all of them reach.',
  },
  'cluster.etcd-endpoints': {
    kind: urls,
    default: [],
    about: 'Client addresses of one etcd cluster, for cluster.registry etcd; they are tried in turn.',
  },
  'cluster.etcd-prefix': {
    kind: label(256),
    default: '/murky',
    about: 'What every key in etcd begins with; clusters that share an etcd differ in it.',
  },
  'cluster.etcd-lease-seconds': {
    kind: wholeNumber(2, 3600),
    default: 5,
    unit: 'seconds',
    about: 'A node that has not told etcd of itself for so long is away.',
  },
  'cluster.etcd-ca-file': {
    kind: orNull(path),
    default: null,
    about: 'PEM file of the authority that vouches for etcd; without it those of Node.js do.',
  },
  'cluster.etcd-cert-file': {
    kind: orNull(path),
    default: null,
    about: 'PEM file of the certificate that this node shows etcd.',
  },
  'cluster.etcd-key-file': {
    kind: orNull(path),
    default: null,
    about: 'PEM file of the key that belongs to cluster.etcd-cert-file.',
  },
  'cluster.etcd-user': {
    kind: orNull(label(256)),
    default: null,
    about: 'Name under which this node signs in to etcd, where etcd asks for one.',
  },
  'cluster.etcd-password-file': {
    kind: orNull(path),
    default: null,
    about: 'File whose first line is the password of cluster.etcd-user.',
  },
  'cluster.write-timeout-ms': {
    kind: wholeNumber(100, 3_600_000),
    default: 10_000,
    unit: 'milliseconds',
    about: 'Longest time without progress at any owner before a write is answered with 503.',
  },
  'repair.bytes-per-second': {
    kind: wholeNumber(1024, 2 ** 40),
    default: 64 * 2 ** 20,
    unit: 'bytes per second',
    about: 'Most that this node moves to bring objects back to their full number of copies.',
  },
  'repair.concurrent': {
    kind: wholeNumber(1, 64),
    default: 4,
    unit: 'objects',
    about: 'Objects that this node repairs at once.',
  },
  'repair.compare-minutes': {
    kind: number(0.1, 10_080),
    default: 10,
    unit: 'minutes',
    about: 'How often the node compares what it owns with the other owners; a change of the members does it at once.',
  },
  'cache.max-bytes': {
    kind: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    default: 10 * 2 ** 30,
    unit: 'bytes',
    about: 'Disk space of the data folder: replicas, cached copies and the index together; cached copies go first.',
  },
  'reclaim.max-time-fraction': {
    kind: number(0.01, 1),
    default: 0.25,
    unit: 'share of the time',
    about: 'Most of the time that giving the room of dead blocks back to the disk keeps it busy in the background.',
  },
  'versions.retention-hours': {
    kind: number(0, 87_600),
    default: 24,
    unit: 'hours',
    about:
      'How long overwritten and deleted versions can still be read, while there is room and at most 100 of an object; ' +
      'when room is needed they go after cached copies, the oldest first.',
  },
  'versions.tombstones-warning-count': {
    kind: wholeNumber(0, 2 ** 40),
    default: 1_000_000,
    unit: 'deleted objects',
    about: 'A node that keeps more deletions warns of it in its status: they are kept for good, some 400 bytes each.',
  },
  'scrub.bytes-per-second': {
    kind: wholeNumber(0, 2 ** 40),
    default: 4 * 2 ** 20,
    unit: 'bytes per second',
    about: 'Most that the background check of everything stored reads; 0 switches it off.',
  },
  'log.max-lines-per-second': {
    kind: wholeNumber(1, 1_000_000),
    default: 100,
    unit: 'lines per second',
    about: 'Log lines that are written at most; what is left out is counted in one line more.',
  },
};

export const ALL_KEYS = Object.keys(CONFIG_KEYS) as ConfigKey[];

export function isConfigKey(text: string): text is ConfigKey {
  return Object.hasOwn(CONFIG_KEYS, text);
}

/** `http.port` → `MURKY_HTTP_PORT`. */
export function environmentName(key: ConfigKey): string {
  return `MURKY_${key.replace(/[.-]/g, '_').toUpperCase()}`;
}

/** `http.port` → `--http-port`. */
export function flagName(key: ConfigKey): string {
  return `--${key.replace('.', '-')}`;
}

/** `http-port` → `httpPort`, the form in which commander hands a flag on and MurkyConfig names a key. */
export function camelCase(kebab: string): string {
  return kebab.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

export interface ConfigFlag {
  readonly key: ConfigKey;
  /** Ready for commander's `option()`: `--http-port <number>`. */
  readonly flags: string;
  readonly about: string;
}

/** The flags of a program that takes the whole configuration on its command line. */
export function configFlags(): ConfigFlag[] {
  return ALL_KEYS.map((key) => {
    const { kind, about } = CONFIG_KEYS[key];
    // A bare --cluster-insecure means true.
    const value = kind === trueOrFalse ? `[${kind.placeholder}]` : `<${kind.placeholder}>`;
    return { key, flags: `${flagName(key)} ${value}`, about };
  });
}
