import { BlockList, isIP, isIPv6 } from 'node:net';
import * as v from 'valibot';

/** A kind of value: what the file may hold, how text (environment, flag) becomes that, and both in words. */
export interface Kind<T> {
  readonly schema: v.GenericSchema<unknown, T>;
  /** Completes "allowed: …". */
  readonly allowed: string;
  /** What a flag's help shows in place of the value. */
  readonly placeholder: string;
  /** Text that does not read as this kind comes back as it is, for the schema to refuse. */
  fromText(text: string): unknown;
  /** The value is a path and is resolved against the folder of whoever named it. */
  readonly isPath?: true;
}

const MAX_URLS = 16;

function numberFromText(text: string): unknown {
  return /^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : text;
}

export function wholeNumber(min: number, max: number, note = ''): Kind<number> {
  return {
    schema: v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max)),
    allowed: `a whole number from ${min} to ${max}${note}`,
    placeholder: 'number',
    fromText: numberFromText,
  };
}

/** Any number in a closed range. */
export function number(min: number, max: number): Kind<number> {
  return {
    schema: v.pipe(v.number(), v.minValue(min), v.maxValue(max)),
    allowed: `a number from ${min} to ${max}`,
    placeholder: 'number',
    fromText: numberFromText,
  };
}

export const port = wholeNumber(0, 65535, ' (0: any free port)');

export const trueOrFalse: Kind<boolean> = {
  schema: v.boolean(),
  allowed: 'true or false',
  placeholder: 'true|false',
  fromText: (text) => (text === 'true' ? true : text === 'false' ? false : text),
};

/** Labels of letters, digits, - and _ (RFC 1123, with the underscore that container networks use), or an IP address. */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;
  // Digits and dots alone are an IP address that went wrong, not a name.
  return text.length <= 253 && !/^[0-9.]+$/.test(text) && text.split('.').every((part) => label.test(part));
}

export const host: Kind<string> = {
  schema: v.pipe(v.string(), v.check(isHost)),
  allowed: 'a host name or IP address, without port or brackets',
  placeholder: 'host',
  fromText: (text) => text,
};

function isHostAndPort(text: string, isRightHost = isHost): boolean {
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text);
  const name = parts?.[1] ?? parts?.[2];
  const number = Number(parts?.[3]);
  return name !== undefined && isRightHost(name) && number >= 1 && number <= 65535;
}

export const hostAndPort: Kind<string> = {
  schema: v.pipe(
    v.string(),
    v.check((text) => isHostAndPort(text)),
  ),
  allowed: 'HOST:PORT, an IPv6 address in brackets',
  placeholder: 'host:port',
  fromText: (text) => text,
};

const multicast = new BlockList();
multicast.addSubnet('224.0.0.0', 4);
multicast.addSubnet('ff00::', 8, 'ipv6');

function isMulticast(host: string): boolean {
  return isIP(host) !== 0 && multicast.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}

export const multicastGroup: Kind<string> = {
  schema: v.pipe(
    v.string(),
    v.check((text) => isHostAndPort(text, isMulticast)),
  ),
  allowed: 'GROUP:PORT, the group an address of 224.0.0.0/4 or, in brackets, of ff00::/8',
  placeholder: 'group:port',
  fromText: (text) => text,
};

export const ipAddress: Kind<string> = {
  schema: v.pipe(
    v.string(),
    v.check((text) => isIP(text) !== 0),
  ),
  allowed: 'an IP address, without port or brackets',
  placeholder: 'address',
  fromText: (text) => text,
};

/** Free text of one line. */
export function label(maxBytes: number): Kind<string> {
  return {
    schema: v.pipe(
      v.string(),
      v.maxBytes(maxBytes),
      v.check((text) => !/\p{Cc}|\p{Cs}/u.test(text)),
    ),
    allowed: `text of at most ${maxBytes} bytes without control characters`,
    placeholder: 'text',
    fromText: (text) => text,
  };
}

export const path: Kind<string> = {
  schema: v.pipe(
    v.string(),
    v.minLength(1),
    v.check((text) => !text.includes('\0')),
  ),
  allowed: 'a path',
  placeholder: 'path',
  fromText: (text) => text,
  isPath: true,
};

/** Addresses of web servers, without anything behind the port. */
export const urls: Kind<readonly string[]> = {
  schema: v.pipe(v.array(v.pipe(v.string(), v.check(isBaseUrl))), v.maxLength(MAX_URLS)),
  allowed: `a list of at most ${MAX_URLS} of http://HOST:PORT or https://HOST:PORT, in variables and flags with commas between`,
  placeholder: 'url,url',
  fromText: (text) => text.split(',').map((part) => part.trim()),
};

function isBaseUrl(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).href === `${text.replace(/\/$/, '')}/`;
}

/** One of some words. */
export function word<const W extends string>(...words: readonly W[]): Kind<W> {
  return {
    schema: v.picklist(words),
    allowed: words.map((one) => `"${one}"`).join(' or '),
    placeholder: words.join('|'),
    fromText: (text) => text,
  };
}

/** The kind, or null: JSON's way to say "none". A flag or variable can only name a value. */
export function orNull<T>(kind: Kind<T>): Kind<T | null> {
  return { ...kind, schema: v.nullable(kind.schema), allowed: `${kind.allowed}, or null` };
}

/** A word in place of the kind's value. */
export function orWord<T, const W extends string>(word: W, kind: Kind<T>): Kind<T | W> {
  return {
    ...kind,
    schema: v.union([v.literal(word), kind.schema]),
    allowed: `"${word}" or ${kind.allowed}`,
    placeholder: `${word}|${kind.placeholder}`,
  };
}
