import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as v from 'valibot';
import { loadConfig } from '../../src/config/load.js';
import { ALL_KEYS, CONFIG_KEYS, configFlags, environmentName, flagName } from '../../src/config/schema.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('docs/configuration.md is what the table of keys says', () => {
  const script = ['--import', 'tsx', 'scripts/configuration-docs.mjs', '--check'];
  const { status, stderr } = spawnSync(process.execPath, script, { cwd: root, encoding: 'utf8' });
  assert.is(status, 0, stderr);
});

test('docs/configuration.md names every key, variable and flag', () => {
  const text = readFileSync(`${root}docs/configuration.md`, 'utf8');
  for (const key of ALL_KEYS) {
    for (const name of [`\`${key}\``, `\`${environmentName(key)}\``, `\`${flagName(key)}\``]) assert.match(text, name);
  }
});

test('the page’s own example is accepted', () => {
  const text = readFileSync(`${root}docs/configuration.md`, 'utf8');
  const examples = [...text.matchAll(/```json\n([^`]*)```/g)].map(([, json]) => JSON.parse(json!) as object);
  assert.is(examples.length, 2);
  for (const [section, values] of Object.entries(examples[0]!)) {
    const pairs = typeof values === 'object' ? Object.entries(values as object) : [[undefined, values]];
    for (const [name, value] of pairs) {
      const key = (name === undefined ? section : `${section}.${name}`) as (typeof ALL_KEYS)[number];
      assert.ok(v.is(CONFIG_KEYS[key].kind.schema, value), key);
    }
  }
});

test('every default is allowed, and every key has its own variable and flag', () => {
  for (const key of ALL_KEYS) {
    assert.ok(v.is(CONFIG_KEYS[key].kind.schema, CONFIG_KEYS[key].default), key);
    assert.match(CONFIG_KEYS[key].about, /^[A-Z].*[.]$/);
  }
  assert.is(new Set(ALL_KEYS.map(environmentName)).size, ALL_KEYS.length);
  assert.is(new Set(ALL_KEYS.map(flagName)).size, ALL_KEYS.length);
});

test('the names that are promised', () => {
  assert.is(environmentName('http.port'), 'MURKY_HTTP_PORT');
  assert.is(environmentName('pouring-rain.port'), 'MURKY_POURING_RAIN_PORT');
  assert.is(environmentName('data-dir'), 'MURKY_DATA_DIR');
  assert.is(environmentName('behaviour.auto-add-peers'), 'MURKY_BEHAVIOUR_AUTO_ADD_PEERS');
  assert.is(flagName('http.port'), '--http-port');
  assert.is(flagName('data-dir'), '--data-dir');
  const flags = configFlags().map((flag) => flag.flags);
  assert.ok(flags.includes('--http-port <number>'));
  assert.ok(flags.includes('--cluster-insecure [true|false]'));
});

test("the repository's own murky-config.json says what the defaults say", () => {
  const { config, file, sources } = loadConfig({ cwd: root, env: {} });
  assert.is(file, `${root}murky-config.json`);
  for (const key of ['http.host', 'http.port', 'pouring-rain.port', 'data-dir', 'servers-list'] as const) {
    assert.is(sources[key], 'file');
  }
  for (const name of ['propagate-on-startup', 'auto-add-peers', 'share-content'] as const) {
    assert.is(sources[`behaviour.${name}`], 'file');
  }
  assert.equal(config, loadConfig({ cwd: root, env: {}, file: 'murky-config.json' }).config);
  assert.is(config.http.port, CONFIG_KEYS['http.port'].default);
  assert.is(config.dataDir, `${root}murky-data`);
});

test.run();
