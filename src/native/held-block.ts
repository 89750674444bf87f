/**
 * Bytes of a block outside V8's heap, of which its collector knows nothing: native/addon/held_block.h. Whoever gets one
 * takes it or drops it; one that is forgotten comes back only when its object happens to be collected.
 */
export interface HeldBlock {
  /** 0 once it was taken or dropped. */
  readonly length: number;
  /** By OpenSSL, on a thread of Node's pool unless it is short. */
  sha256(): Promise<Uint8Array>;
  /**
   * Of this block and others of its length, Addon.sha256Lanes at most, where that is more than one: side by side on one
   * thread of Node's pool, in the same time however many they are.
   */
  sha256Together(others: readonly HeldBlock[]): Promise<Uint8Array[]>;
  /** The bytes, once, and not while they are being hashed or served. */
  take(): Uint8Array;
  copy(): Uint8Array;
  /** Gives the memory back, if need be once it has been hashed and is served no more. Idempotent. */
  drop(): void;
}
