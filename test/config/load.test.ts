import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LoadedConfig, type LoadOptions, loadConfig } from '../../src/config/load.js';
import { isMurkyError } from '../../src/errors.js';

const test = suite<{ cwd: string }>('loadConfig');

test.before.each((context) => {
  context.cwd = mkdtempSync(join(tmpdir(), 'murky-config-'));
});
test.after.each((context) => {
  rmSync(context.cwd, { recursive: true });
});

function write(cwd: string, content: unknown, name = 'murky-config.json'): void {
  writeFileSync(join(cwd, name), typeof content === 'string' ? content : JSON.stringify(content));
}

function load(cwd: string, options: LoadOptions = {}): LoadedConfig {
  return loadConfig({ cwd, env: {}, ...options });
}

/** The sentences that the configuration is refused with. */
function refused(cwd: string, options: LoadOptions = {}): string[] {
  try {
    load(cwd, options);
  } catch (error) {
    if (!isMurkyError(error, 'MURKY_BAD_CONFIG')) throw error;
    assert.is(error.exitCode, 2);
    const mistakes = error.facts.mistakes as string[];
    for (const mistake of mistakes) assert.ok(error.message.includes(mistake));
    return mistakes.map((mistake) => mistake.replaceAll(cwd, '.'));
  }
  throw new Error('the configuration was accepted');
}

test('an empty folder gives the documented defaults', ({ cwd }) => {
  const { config, file } = load(cwd);
  assert.is(file, null);
  assert.equal(config.http, {
    host: '127.0.0.1',
    port: 8080,
    accessTokenFile: null,
    maxObjectBytes: 274_877_906_944,
  });
  assert.is(config.pouringRain.host, '127.0.0.1');
  assert.is(config.pouringRain.port, 1980);
  assert.is(config.pouringRain.dropFraction, 0);
  assert.is(config.dataDir, join(cwd, 'murky-data'));
  assert.is(config.serversList, join(cwd, 'servers.json'));
  assert.equal(config.behaviour, { propagateOnStartup: true, autoAddPeers: true, shareContent: true });
  assert.is(config.cluster.replicas, 3);
  assert.is(config.cluster.writeQuorum, 'majority');
  assert.is(config.cluster.weight, 1);
  assert.is(config.cache.maxBytes, 10 * 1024 ** 3);
});

test('a flag beats the environment, which beats the file, which beats the default', ({ cwd }) => {
  write(cwd, { http: { port: 1 }, cluster: { replicas: 5, weight: 0.5 } });
  const env = { MURKY_HTTP_PORT: '2', MURKY_CLUSTER_REPLICAS: '7' };
  const { config, sources, file } = load(cwd, { env, flags: { httpPort: '3' } });
  assert.is(file, join(cwd, 'murky-config.json'));
  assert.is(config.http.port, 3);
  assert.is(config.cluster.replicas, 7);
  assert.is(config.cluster.weight, 0.5);
  assert.is(config.pouringRain.port, 1980);
  assert.is(sources['http.port'], 'flag');
  assert.is(sources['cluster.replicas'], 'environment');
  assert.is(sources['cluster.weight'], 'file');
  assert.is(sources['pouring-rain.port'], 'default');
});

test("the original's file and dotted names say the same", ({ cwd }) => {
  write(cwd, {
    http: { host: 'localhost', port: 8081 },
    'pouring-rain': { port: 1981 },
    'data-dir': 'd',
    behaviour: { 'propagate-on-startup': false, 'auto-add-peers': false, 'share-content': false },
  });
  const nested = load(cwd).config;
  assert.equal(nested.behaviour, { propagateOnStartup: false, autoAddPeers: false, shareContent: false });
  write(cwd, {
    'http.host': 'localhost',
    'http.port': 8081,
    'pouring-rain.port': 1981,
    'data-dir': 'd',
    'behaviour.propagate-on-startup': false,
    'behaviour.auto-add-peers': false,
    'behaviour.share-content': false,
  });
  assert.equal(load(cwd).config, nested);
});

test('the environment and flags hold every kind of value', ({ cwd }) => {
  const { config } = load(cwd, {
    env: {
      MURKY_BEHAVIOUR_AUTO_ADD_PEERS: 'false',
      MURKY_CLUSTER_WRITE_QUORUM: 'majority',
      MURKY_POURING_RAIN_DROP_FRACTION: '0.05',
      MURKY_POURING_RAIN_ADVERTISE: '[::1]:1999',
      MURKY_DATA_DIR: '',
      MURKY_SOMETHING_ELSE_ENTIRELY: 'is not ours to judge',
    },
    flags: { clusterInsecure: true, behaviourShareContent: 'false', json: true, clusterWriteQuorum: '2' },
  });
  assert.is(config.behaviour.autoAddPeers, false);
  assert.is(config.behaviour.shareContent, false);
  assert.is(config.cluster.insecure, true);
  assert.is(config.cluster.writeQuorum, 2);
  assert.is(config.pouringRain.dropFraction, 0.05);
  assert.is(config.pouringRain.advertise, '[::1]:1999');
  assert.is(config.dataDir, join(cwd, 'murky-data'), 'an empty variable is not set');
});

test('paths start at the folder of whoever names them', ({ cwd }) => {
  mkdirSync(join(cwd, 'etc'));
  write(cwd, { cluster: { 'key-file': 'k' }, 'data-dir': '../var' }, 'etc/node.json');
  const { config, file } = load(cwd, {
    file: 'etc/node.json',
    env: { MURKY_HTTP_ACCESS_TOKEN_FILE: 'token' },
  });
  assert.is(file, join(cwd, 'etc/node.json'));
  assert.is(config.cluster.keyFile, join(cwd, 'etc/k'));
  assert.is(config.dataDir, join(cwd, 'var'));
  assert.is(config.serversList, join(cwd, 'etc/servers.json'));
  assert.is(config.http.accessTokenFile, join(cwd, 'token'));
  assert.is(load(cwd, { file: 'etc/node.json', flags: { dataDir: 'here' } }).config.dataDir, join(cwd, 'here'));
});

test('null takes a value back that has none by default', ({ cwd }) => {
  write(cwd, { cluster: { 'key-file': null } });
  assert.is(load(cwd).config.cluster.keyFile, null);
});

test('every mistake of every source is told at once', ({ cwd }) => {
  write(cwd, {
    http: { port: '8080', prot: 1 },
    htpp: {},
    'data-dir': 3,
    'cluster.replicas': 0,
    cluster: { replicas: 2, weight: -1 },
    behaviour: true,
    'servers-list': 'peers.json',
  });
  const mistakes = refused(cwd, { env: { MURKY_CACHE_MAX_BYTES: '10GB' }, flags: { pouringRainPort: '70000' } });
  assert.equal(mistakes, [
    './murky-config.json: http.port: found "8080"; allowed: a whole number from 0 to 65535 (0: any free port).',
    './murky-config.json: http.prot is not a known key; did you mean http.port?',
    './murky-config.json: htpp is not a known key; did you mean http?',
    './murky-config.json: data-dir: found 3; allowed: a path.',
    './murky-config.json: cluster.replicas: found 0; allowed: a whole number from 1 to 16.',
    './murky-config.json: cluster.replicas is there twice, nested and as a dotted name.',
    './murky-config.json: cluster.weight: found -1; allowed: a number from 0 to 1000.',
    './murky-config.json: behaviour: found true; allowed: an object with the keys of this section.',
    'MURKY_CACHE_MAX_BYTES: found "10GB"; allowed: a whole number from 0 to 9007199254740991.',
    '--pouring-rain-port: found "70000"; allowed: a whole number from 0 to 65535 (0: any free port).',
    './peers.json (servers-list) does not exist.',
  ]);
});

test('a value that another source overrides is checked all the same', ({ cwd }) => {
  write(cwd, { http: { port: -1 } });
  assert.is(refused(cwd, { flags: { httpPort: '80' } }).length, 1);
});

for (const [what, value] of [
  ['a fraction', 80.5],
  ['a large number', 65536],
  ['null', null],
  ['a list', [80]],
  ['true', true],
] as const) {
  test(`http.port refuses ${what}`, ({ cwd }) => {
    write(cwd, { http: { port: value } });
    const [mistake, ...more] = refused(cwd);
    assert.is(more.length, 0);
    assert.ok(mistake!.startsWith(`./murky-config.json: http.port: found ${JSON.stringify(value)}; allowed: `));
  });
}

for (const host of [
  'http://localhost',
  'localhost:80',
  '[::1]',
  '',
  'a b',
  '1.2.3',
  '300.1.1.1',
  '-x',
  `${'a'.repeat(64)}.b`,
]) {
  test(`http.host refuses ${JSON.stringify(host)}`, ({ cwd }) => {
    write(cwd, { http: { host, 'access-token-file': 't' } });
    assert.match(refused(cwd)[0]!, 'http.host: found');
  });
}

test('hosts, names and addresses that are right', ({ cwd }) => {
  for (const host of ['localhost', '127.0.0.1', '127.3.2.1', '::1', '0:0:0:0:0:0:0:1']) {
    write(cwd, { http: { host } });
    assert.is(load(cwd).config.http.host, host);
  }
  for (const host of ['0.0.0.0', '::', 'storage_1.example.org', '10.0.0.1', 'fe80::1']) {
    write(cwd, { http: { host, 'access-token-file': 't' } });
    assert.is(load(cwd).config.http.host, host);
  }
});

test('keys that look like parts of an object are unknown keys', ({ cwd }) => {
  write(cwd, '{"__proto__": {"x": 1}, "constructor": 1, "http": {"toString": 2}}');
  assert.is(refused(cwd).length, 3);
});

for (const [text, place] of [
  ['{"http": {"port": 8080,}}', 'line 1, column 23: a comma before } is not allowed.'],
  ['{\n  "http": {\n    "port" 8080\n  }\n}', 'line 3, column 12: found "8" where a colon should be.'],
  ['{\n  // the port\n}', 'line 2, column 3: JSON has no comments.'],
  ['', 'line 1, column 1: the file ends where a value should be.'],
  ['{"http": {', 'line 1, column 11: the file ends where a name in double quotes should be.'],
  ["{'http': 1}", 'line 1, column 2: found "\'" where a name in double quotes should be.'],
  [
    '{"data-dir": "C:\\murky"}',
    'line 1, column 17: this escape is not known to JSON; a backslash itself is written \\\\.',
  ],
  ['{"data-dir": "x\n"}', 'line 1, column 14: a text is not closed on its line.'],
  ['{"http": {"port": 08080}}', 'line 1, column 20: found "8" where a comma or } should be.'],
  ['{} {}', 'line 1, column 4: found "{" where the end of the file should be.'],
  ['['.repeat(200_000), 'line 1, column 102: nested more than 100 deep.'],
] as const) {
  test(`a slip in JSON is told with its place: ${place}`, ({ cwd }) => {
    write(cwd, text);
    assert.equal(refused(cwd), [`./murky-config.json, ${place}`]);
  });
}

test('a byte order mark is no mistake', ({ cwd }) => {
  write(cwd, '\uFEFF{"http": {"port": 81}}');
  assert.is(load(cwd).config.http.port, 81);
});

test('a file that is no object, not text, a folder, or missing though named', ({ cwd }) => {
  write(cwd, '[]');
  assert.equal(refused(cwd), ['./murky-config.json: found []; allowed: an object, {"http": {"port": 8080}, …}.']);
  writeFileSync(join(cwd, 'murky-config.json'), Buffer.from([0x22, 0xff, 0x22]));
  assert.equal(refused(cwd), ['./murky-config.json is not UTF-8 text.']);
  assert.equal(refused(cwd, { file: '.' }), ['. is a folder, not a file.']);
  assert.equal(refused(cwd, { file: 'none.json' }), ['./none.json does not exist.']);
});

test('a variable that is nearly one of ours is a slip', ({ cwd }) => {
  assert.equal(refused(cwd, { env: { MURKY_HTTP_PROT: '1' } }), [
    'MURKY_HTTP_PROT is not a known variable; did you mean MURKY_HTTP_PORT?',
  ]);
});

test('an address that others can reach needs a key, a token, or a plain word', ({ cwd }) => {
  const rain = refused(cwd, { env: { MURKY_POURING_RAIN_HOST: '0.0.0.0' } });
  assert.is(rain.length, 1);
  assert.match(rain[0]!, 'pouring-rain.host is 0.0.0.0');
  const env = { MURKY_POURING_RAIN_HOST: '0.0.0.0', MURKY_CLUSTER_KEY_FILE: 'key' };
  assert.is(load(cwd, { env }).config.pouringRain.host, '0.0.0.0');
  assert.ok(load(cwd, { env: { MURKY_POURING_RAIN_HOST: '::', MURKY_CLUSTER_INSECURE: 'true' } }));

  const http = refused(cwd, { env: { MURKY_HTTP_HOST: '::' } });
  assert.is(http.length, 1);
  assert.match(http[0]!, 'http.access-token-file');
  // What opens the transport does not open the gateway.
  assert.is(refused(cwd, { env: { MURKY_HTTP_HOST: '::', MURKY_CLUSTER_INSECURE: 'true' } }).length, 1);
  assert.ok(load(cwd, { env: { MURKY_HTTP_HOST: '::', MURKY_HTTP_ACCESS_TOKEN_FILE: 't' } }));
});

test('a quorum cannot be more than all', ({ cwd }) => {
  write(cwd, { cluster: { replicas: 2, 'write-quorum': 3 } });
  assert.match(refused(cwd)[0]!, 'cluster.write-quorum is 3 and cluster.replicas is 2');
  write(cwd, { cluster: { replicas: 3, 'write-quorum': 3 } });
  assert.is(load(cwd).config.cluster.writeQuorum, 3);
});

const ETCD = { registry: 'etcd', 'etcd-endpoints': ['http://10.0.0.9:2379'] };
const ADVERTISED = 'others are told there where to find this node, but pouring-rain.host is';
/** What is told of each configuration, and one that differs in one key and is right. */
for (const [what, told, wrong, right] of [
  [
    'etcd without an address of it',
    'cluster.registry is "etcd", and cluster.etcd-endpoints names none.',
    { cluster: { registry: 'etcd' } },
    { cluster: ETCD },
  ],
  ...['0.0.0.0', '::'].map((host) => {
    const cluster = { ...ETCD, 'key-file': 'key' };
    return [
      `etcd told to send others to ${host}`,
      `cluster.registry is "etcd", and ${ADVERTISED} ${host}; name an address in pouring-rain.advertise.`,
      { cluster, 'pouring-rain': { host } },
      { cluster, 'pouring-rain': { host, advertise: '10.0.0.1:1980' } },
    ] as const;
  }),
  [
    'addresses of an etcd that is not used',
    'cluster.etcd-endpoints are named, but cluster.registry is "swim"; set it to "etcd" to use them.',
    { cluster: { ...ETCD, registry: 'swim' } },
    { cluster: { registry: 'swim' } },
  ],
  ...['etcd-cert-file', 'etcd-key-file'].map(
    (one) =>
      [
        `an ${one} alone`,
        'cluster.etcd-cert-file and cluster.etcd-key-file belong together, and one of them is missing.',
        { cluster: { ...ETCD, [one]: 'a.pem' } },
        { cluster: { ...ETCD, 'etcd-cert-file': 'a.pem', 'etcd-key-file': 'b.pem' } },
      ] as const,
  ),
  ...['etcd-user', 'etcd-password-file'].map(
    (one) =>
      [
        `an ${one} alone`,
        'cluster.etcd-user and cluster.etcd-password-file belong together, and one of them is missing.',
        { cluster: { ...ETCD, [one]: 'a' } },
        { cluster: { ...ETCD, 'etcd-user': 'a', 'etcd-password-file': 'b' } },
      ] as const,
  ),
] as const) {
  test(`${what} is a mistake of its own`, ({ cwd }) => {
    write(cwd, wrong);
    assert.equal(refused(cwd), [told]);
    write(cwd, right);
    assert.ok(load(cwd));
  });
}

test('a mistake in the servers list is told with the others', ({ cwd }) => {
  write(cwd, [{ host: 'a', port: 0 }], 'servers.json');
  const mistakes = refused(cwd, { flags: { httpPort: 'x' } });
  assert.is(mistakes.length, 2);
  assert.match(mistakes[1]!, './servers.json: [0].port: found 0; allowed: a whole number from 1 to 65535.');
});

test.run();
