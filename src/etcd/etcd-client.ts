import type { Etcd, EtcdBatch, EtcdEntry, EtcdEvent, PutIfResult } from './contract.js';
import { EtcdGateway, EtcdRefusal, type GatewayOptions, NOT_FOUND } from './gateway.js';

/** {@link Etcd} over the JSON gateway, which every etcd since 3.4 has at /v3. Keys and values are UTF-8. */
export class EtcdClient implements Etcd {
  readonly #gateway: EtcdGateway;

  constructor(options: GatewayOptions) {
    this.#gateway = new EtcdGateway(options);
  }

  async get(key: string): Promise<{ entry: EtcdEntry | undefined; revision: number }> {
    const { kvs, header } = await this.#range({ key: base64(key) });
    return { entry: kvs?.map(entryOf)[0], revision: Number(header.revision) };
  }

  async list(prefix: string, limit: number): Promise<{ entries: EtcdEntry[]; revision: number }> {
    const { kvs, header } = await this.#range({ ...below(prefix), limit: String(limit) });
    return { entries: (kvs ?? []).map(entryOf), revision: Number(header.revision) };
  }

  async put(key: string, value: string, lease?: string): Promise<void> {
    await this.#gateway.call('/v3/kv/put', { key: base64(key), value: base64(value), ...(lease && { lease }) });
  }

  async putIf(key: string, expected: string | null, value: string): Promise<PutIfResult> {
    const name = base64(key);
    const compare =
      expected === null
        ? { key: name, target: 'CREATE', result: 'EQUAL', create_revision: '0' }
        : { key: name, target: 'VALUE', result: 'EQUAL', value: base64(expected) };
    const transaction = {
      compare: [compare],
      success: [{ request_put: { key: name, value: base64(value) } }],
      failure: [{ request_range: { key: name } }],
    };
    // A second try after one whose answer was lost would find the value of the first, or of whoever came after it.
    const answer = (await this.#gateway.call('/v3/kv/txn', transaction, true)) as {
      succeeded?: boolean;
      responses?: { response_range?: RangeAnswer }[];
    };
    if (answer.succeeded) return { done: true };
    const kv = answer.responses?.[0]?.response_range?.kvs?.[0];
    return { done: false, current: kv ? entryOf(kv).value : null };
  }

  async grantLease(seconds: number): Promise<string> {
    const answer = await this.#gateway.call('/v3/lease/grant', { TTL: String(seconds) });
    return String(answer.ID);
  }

  async keepAlive(lease: string): Promise<boolean> {
    const answer = (await this.#gateway.call('/v3/lease/keepalive', { ID: lease })) as { result?: { TTL?: string } };
    return Number(answer.result?.TTL ?? 0) > 0; // a lease that has run out has none
  }

  async revokeLease(lease: string): Promise<void> {
    try {
      await this.#gateway.call('/v3/lease/revoke', { ID: lease });
    } catch (error) {
      if (!(error instanceof EtcdRefusal) || error.grpcCode !== NOT_FOUND) throw error;
    }
  }

  async *watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<EtcdBatch> {
    const create_request = { ...below(prefix), start_revision: String(fromRevision) };
    for await (const message of this.#gateway.stream('/v3/watch', { create_request }, signal)) {
      const { header, events = [], compact_revision, canceled } = message as unknown as WatchAnswer;
      const compacted = Number(compact_revision ?? 0) > 0;
      yield { revision: Number(header?.revision ?? 0), events: events.map(eventOf), compacted };
      if (canceled) return;
    }
  }

  async #range(body: object): Promise<RangeAnswer> {
    return (await this.#gateway.call('/v3/kv/range', body)) as unknown as RangeAnswer;
  }
}

/** As the gateway writes them: bytes in base 64, 64-bit numbers as text, and nothing for what is zero. */
interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
}

interface RangeAnswer {
  readonly header: { readonly revision: string };
  readonly kvs?: KeyValue[];
}

interface WatchAnswer {
  readonly header?: { readonly revision: string };
  readonly events?: { readonly type?: 'DELETE'; readonly kv: KeyValue }[];
  readonly compact_revision?: string;
  readonly canceled?: boolean;
}

function entryOf({ key, value = '', mod_revision }: KeyValue): EtcdEntry {
  return { key: text(key), value: text(value), modRevision: Number(mod_revision) };
}

function eventOf({ type, kv }: { type?: 'DELETE'; kv: KeyValue }): EtcdEvent {
  if (type !== 'DELETE') return { kind: 'put', entry: entryOf(kv) };
  return { kind: 'delete', key: text(kv.key), modRevision: Number(kv.mod_revision) };
}

/** The range of keys that begin with `prefix`: up to the prefix with its last byte one greater. */
function below(prefix: string): { key: string; range_end: string } {
  const end = Buffer.from(prefix, 'utf8');
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1; // the last byte of UTF-8 is never 255
  return { key: base64(prefix), range_end: end.toString('base64') };
}

function base64(value: string): string {
  return Buffer.from(value, 'utf8').toString('base64');
}

function text(encoded: string): string {
  return Buffer.from(encoded, 'base64').toString('utf8');
}
