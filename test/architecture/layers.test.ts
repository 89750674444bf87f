import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Bottom first: a folder may import from itself and from those before it. docs/architecture.md draws the house. */
const BELOW: Record<string, string[]> = {
  errors: [],
  seam: ['errors'],
  object: ['errors', 'seam'],
  native: ['errors', 'seam'],
  codec: ['errors', 'native'],
  rain: ['errors', 'seam', 'object', 'native', 'codec'],
  store: ['errors', 'seam', 'object'],
  etcd: ['errors', 'seam'],
  discovery: ['errors', 'seam'],
  cluster: ['errors', 'seam', 'object', 'rain', 'store', 'etcd'],
  config: ['errors', 'object'],
  node: ['errors', 'seam', 'object', 'native', 'rain', 'store', 'etcd', 'discovery', 'cluster', 'config'],
  gateway: ['errors', 'seam', 'object', 'config', 'node'],
  cli: ['errors', 'seam', 'object', 'native', 'codec', 'rain', 'store', 'config', 'node', 'gateway'],
  index: ['errors', 'seam', 'object', 'native', 'codec', 'rain', 'store', 'config', 'node', 'gateway'],
};

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true })
    .map((file) => join(folder, String(file)))
    .filter((file) => ending.test(file));
}

function layerOf(file: string): string {
  return (relative('src', file).split('/')[0] ?? '').replace(/\.(ts|js)$/, '');
}

test('a lower layer never imports a higher one', () => {
  const wrong: string[] = [];
  for (const file of filesBelow('src', /\.ts$/)) {
    const layer = layerOf(file);
    const allowed = BELOW[layer];
    assert.ok(allowed, `${file}: src/${layer} has no place in the order of layers`);
    for (const [, target] of readFileSync(join(root, file), 'utf8').matchAll(/from '(\.[^']+)'/g)) {
      const other = layerOf(join(dirname(file), target ?? ''));
      if (other !== layer && !allowed.includes(other)) wrong.push(`${file} imports ${other}`);
    }
  }
  assert.equal(wrong, []);
});

test('the native layers keep apart: gf2 < lt < rain < measure < addon, and only the addon knows Node', () => {
  const order = ['gf2', 'lt', 'rain', 'measure', 'addon'];
  const wrong: string[] = [];
  for (const file of filesBelow('native', /\.(cc|h)$/)) {
    const layer = file.split('/')[1] ?? '';
    for (const [, include] of readFileSync(join(root, file), 'utf8').matchAll(/#include ["<]([^">]+)[">]/g)) {
      const other = include?.split('/')[0] ?? '';
      if (order.includes(other) && order.indexOf(other) > order.indexOf(layer) && layer !== 'testing') {
        wrong.push(`${file} includes ${include}`);
      }
      if (/^(napi|node_api|node|uv|v8)/.test(include ?? '') && layer !== 'addon')
        wrong.push(`${file} includes ${include}`);
      if (/^(sys\/socket|netinet|arpa)/.test(include ?? '') && ['gf2', 'lt'].includes(layer)) {
        wrong.push(`${file} includes ${include}`);
      }
    }
  }
  assert.equal(wrong, []);
});

test('simulations and measurements of the addon are for tests and benchmarks alone', () => {
  const only = /\b(PollutedNetwork|measure(En|De)code|overheadHistogram|threadSeconds)\b|addon\(\)\.simulate\b/;
  const users = filesBelow('src', /\.ts$/).filter((file) => only.test(readFileSync(join(root, file), 'utf8')));
  assert.equal(users, ['src/native/addon.ts']);
});

test('the store reaches files through its seam: beside that, and what LevelDB needs, no file of it opens one', () => {
  const users = filesBelow('src/store', /\.ts$/).filter((file) =>
    /from 'node:fs/.test(readFileSync(join(root, file), 'utf8')),
  );
  assert.equal(users.sort(), ['src/store/disk.ts', 'src/store/level-mirror.ts', 'src/store/node-files.ts']);
});

test('no room is larger than 400 lines', () => {
  const files = [...filesBelow('src', /\.ts$/), ...filesBelow('native', /\.(cc|h)$/), ...filesBelow('test', /\.ts$/)];
  const large = files.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 401);
  assert.equal(large, []);
});

test('every relative link of the documents leads somewhere', () => {
  const documents = [...filesBelow('docs', /\.md$/), 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
  const broken: string[] = [];
  for (const file of documents) {
    for (const [, target] of readFileSync(join(root, file), 'utf8').matchAll(
      /\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g,
    )) {
      if (!existsSync(join(root, dirname(file), target ?? ''))) broken.push(`${file}: ${target}`);
    }
  }
  assert.equal(broken, []);
});

test.run();
