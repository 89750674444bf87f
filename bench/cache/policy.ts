/** A cache of `capacity` objects of one size, as a benchmark sees it. */
export interface CachePolicy {
  readonly name: string;
  /** True if it is there; afterwards it is, where the policy lets it in. */
  access(key: number): boolean | Promise<boolean>;
}
