/** One key of an etcd, with the revision of its last change. */
export interface EtcdEntry {
  readonly key: string;
  readonly value: string;
  readonly modRevision: number;
}

export type EtcdEvent =
  | { readonly kind: 'put'; readonly entry: EtcdEntry }
  | { readonly kind: 'delete'; readonly key: string; readonly modRevision: number };

/**
 * The part of etcd's version 3 that a registry needs. Every call rejects with MURKY_NO_REGISTRY where no endpoint
 * answers in time; a change may have taken place nevertheless. Revisions count the changes of the whole etcd.
 */
export interface Etcd {
  /** `revision` is that at which it was read, no older than the call. */
  get(key: string): Promise<{ readonly entry: EtcdEntry | undefined; readonly revision: number }>;
  /** Every key that begins with `prefix`, at most `limit`. */
  list(prefix: string, limit: number): Promise<{ readonly entries: EtcdEntry[]; readonly revision: number }>;
  put(key: string, value: string, lease?: string): Promise<void>;
  /** In one transaction: puts `value` if the key has the value `expected`, or with null is absent; else reads it. */
  putIf(key: string, expected: string | null, value: string): Promise<PutIfResult>;
  /** Keys put with it vanish when it is not kept alive for `seconds`. */
  grantLease(seconds: number): Promise<string>;
  /** False if the lease has run out. */
  keepAlive(lease: string): Promise<boolean>;
  revokeLease(lease: string): Promise<void>;
  /**
   * Changes below `prefix` from `fromRevision` on, in order, in batches. Ends when the connection does; rejects with
   * MURKY_NO_REGISTRY where it cannot be made. `compacted`: the changes from there are gone, so that list() is due.
   */
  watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<EtcdBatch>;
}

export type PutIfResult = { readonly done: true } | { readonly done: false; readonly current: string | null };

export interface EtcdBatch {
  readonly revision: number;
  readonly events: readonly EtcdEvent[];
  readonly compacted: boolean;
}
