import { readFile } from 'node:fs/promises';
import type { MurkyConfig } from '../../config/contract.js';
import { loadConfig } from '../../config/load.js';
import { hostAndPort } from '../../config/loopback.js';
import { CONFIG_KEYS } from '../../config/schema.js';
import { MurkyError } from '../../errors.js';
import { type NodeOptions, parseNodeUrl } from '../options.js';
import { fileError } from '../output-file.js';
import { NodeClient } from './node-client.js';

/**
 * A client of the node that the person means: --node, else MURKY_NODE, else the one that the configuration of this
 * folder describes. The token comes from --token-file, MURKY_TOKEN_FILE or that configuration; one from the
 * configuration is never sent to a node that was named otherwise.
 */
export async function nodeClient(options: NodeOptions, signal: AbortSignal): Promise<NodeClient> {
  const named = options.node ?? fromEnvironment();
  const here = named ? { url: named, tokenFile: null } : addressOf(loadConfig().config.http);
  const tokenFile = options.tokenFile ?? (process.env.MURKY_TOKEN_FILE || here.tokenFile);
  return new NodeClient({
    url: here.url,
    token: tokenFile ? await readToken(tokenFile) : undefined,
    idleTimeoutMs: options.timeout * 1000,
    signal,
  });
}

function fromEnvironment(): URL | undefined {
  const text = process.env.MURKY_NODE;
  if (!text) return undefined;
  try {
    return parseNodeUrl(text);
  } catch {
    throw new MurkyError('MURKY_BAD_USAGE', `MURKY_NODE is "${text}"; it is written as http://HOST:PORT.`);
  }
}

/** Where the gateway with this configuration is reached from this machine. */
export function addressOf(http: MurkyConfig['http']): { url: URL; tokenFile: string | null } {
  // What listens on every address is reached over loopback.
  const host = http.host === '0.0.0.0' ? '127.0.0.1' : http.host === '::' ? '::1' : http.host;
  const port = http.port || CONFIG_KEYS['http.port'].default;
  return { url: new URL(`http://${hostAndPort(host, port)}`), tokenFile: http.accessTokenFile };
}

/** The first line of a token file. */
export async function readToken(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error) => Promise.reject(fileError(path, 'read', error)));
  const token = text.split(/\r?\n/, 1)[0]!.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new MurkyError(
      'MURKY_BAD_USAGE',
      `The first line of "${path}" is not an access token: printable ASCII, no spaces.`,
    );
  }
  return token;
}
