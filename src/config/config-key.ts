import type { MurkyConfig } from './contract.js';
import type { Kind } from './kinds.js';

type Kebab<S extends string> = S extends `${infer Head}${infer Rest}`
  ? `${Head extends Lowercase<Head> ? Head : `-${Lowercase<Head>}`}${Kebab<Rest>}`
  : S;
type Camel<S extends string> = S extends `${infer Head}-${infer Rest}` ? `${Head}${Capitalize<Camel<Rest>>}` : S;
type Section<K> = K extends keyof MurkyConfig ? (MurkyConfig[K] extends object ? MurkyConfig[K] : never) : never;

/** A key as it is written, such as `http.port` or `data-dir`. */
export type ConfigKey = {
  [K in keyof MurkyConfig & string]: MurkyConfig[K] extends object
    ? `${Kebab<K>}.${Kebab<keyof MurkyConfig[K] & string>}`
    : Kebab<K>;
}[keyof MurkyConfig & string];

/** Of what type the value of a key is. */
export type ValueOf<K extends ConfigKey> = K extends `${infer S}.${infer N}`
  ? Camel<N> extends keyof Section<Camel<S>>
    ? Section<Camel<S>>[Camel<N>]
    : never
  : Camel<K> extends keyof MurkyConfig
    ? MurkyConfig[Camel<K>]
    : never;

export interface KeySpec<T = unknown> {
  readonly kind: Kind<T>;
  readonly default: T;
  readonly unit?: string;
  /** One sentence. */
  readonly about: string;
}
