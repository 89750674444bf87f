import { MurkyError } from '../errors.js';
import { versionToText } from '../object/version.js';
import type { GatewayNode } from './contract.js';
import type { Exchange } from './exchange.js';

export const DEFAULT_LIST_LIMIT = 1000;
export const MAX_LIST_LIMIT = 10_000;

/** One page of what this node holds, in key order, as it is read. `next` is the `after` of the next page, or null. */
export async function listObjects(
  node: GatewayNode,
  exchange: Exchange,
  query: ReadonlyMap<string, string>,
): Promise<void> {
  const limit = parseLimit(query.get('limit'));
  const prefix = query.get('prefix');
  const after = query.get('after');
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  if (exchange.request.method === 'HEAD') {
    exchange.begin(200, headers);
    exchange.response.end();
    return;
  }
  // One more than asked for: its being there is what `next` says.
  const held = node.list({
    ...(prefix === undefined ? {} : { prefix }),
    ...(after === undefined ? {} : { after }),
    limit: limit + 1,
  });
  const lines = pageLines(held, limit);
  const first = await lines.next();
  exchange.begin(200, headers);
  await exchange.stream(lines, first);
}

type Held = ReturnType<GatewayNode['list']>;

async function* pageLines(held: Held, limit: number): AsyncGenerator<Uint8Array> {
  let last: string | null = null;
  let count = 0;
  let more = false;
  for await (const manifest of held) {
    if (count === limit) {
      more = true;
      break;
    }
    const line = JSON.stringify({
      key: manifest.key,
      id: manifest.id.toString(),
      version: versionToText(manifest.version),
      size: manifest.size,
      sha256: Buffer.from(manifest.sha256).toString('hex'),
      contentType: manifest.metadata['content-type'] ?? 'application/octet-stream',
    });
    yield Buffer.from(`${count === 0 ? '{"objects":[\n' : ',\n'}${line}`);
    last = manifest.key;
    count++;
  }
  yield Buffer.from(`${count === 0 ? '{"objects":[' : '\n'}],"next":${JSON.stringify(more ? last : null)}}\n`);
}

function parseLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIST_LIMIT;
  const limit = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIST_LIMIT) return limit;
  throw new MurkyError('MURKY_BAD_REQUEST', `limit is a whole number from 1 to ${MAX_LIST_LIMIT}.`);
}
