import { MurkyError } from '../errors.js';
import { versionToText } from '../object/version.js';
import type { GatewayNode } from './contract.js';
import type { Exchange } from './exchange.js';

/** What this node holds of an object: the version that is current here, and overwritten ones in their retention time. */
export async function listVersions(
  node: GatewayNode,
  exchange: Exchange,
  key: string,
  query: ReadonlyMap<string, string>,
): Promise<void> {
  if (query.size > 1 || query.get('versions') !== '') {
    throw new MurkyError('MURKY_BAD_REQUEST', 'versions stands alone and has no value.');
  }
  const versions = (await node.versions(key)).map(({ version, tombstone, size, sha256 }) => ({
    version: versionToText(version),
    deleted: tombstone,
    size,
    sha256: tombstone ? null : Buffer.from(sha256).toString('hex'),
  }));
  if (versions.length === 0) throw new MurkyError('MURKY_NOT_FOUND', `This node has no version of "${key}".`);
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  await exchange.answer({ status: 200, headers, body: `${JSON.stringify({ key, versions })}\n` });
}
