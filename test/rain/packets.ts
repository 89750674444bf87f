import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';

/** Datagrams written and read as docs/wire.md describes them, by hand: a second implementation beside the native one. */
export enum Type {
  Subscribe = 1,
  Symbol = 2,
  Token = 3,
  Refuse = 4,
  Unsubscribe = 5,
  Request = 6,
  Response = 7,
  Listen = 11,
}

export const OUTER_BYTES = 16;
export const TAG_BYTES = 16;
export const NO_TOKEN = Buffer.alloc(16);

function outer(seal: number, counter: bigint, boot: bigint): Buffer {
  const bytes = Buffer.alloc(OUTER_BYTES);
  bytes.writeBigUInt64BE(counter, 0);
  bytes.writeUInt8(1, 0);
  bytes.writeUInt8(seal, 1);
  bytes.writeBigUInt64BE(boot, 8);
  return bytes;
}

export function unsealed(inner: Uint8Array, boot = 77n, counter = 0n): Buffer {
  return Buffer.concat([outer(0, counter, boot), inner]);
}

function keyAndNonce(clusterKey: Uint8Array, boot: bigint, counter: bigint): { key: Buffer; nonce: Buffer } {
  const info = Buffer.alloc(11 + 12);
  info.write('aes-128-gcm');
  info.writeBigUInt64BE(boot, 11);
  info.writeUInt32BE(Number(counter >> 22n), 19);
  const derived = Buffer.from(hkdfSync('sha256', clusterKey, 'murky-waters rain 1', info, 28));
  const nonce = derived.subarray(16);
  nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ counter, 4);
  return { key: derived.subarray(0, 16), nonce };
}

export function sealed(clusterKey: Uint8Array, inner: Uint8Array, boot: bigint, counter: bigint): Buffer {
  const header = outer(1, counter, boot);
  const { key, nonce } = keyAndNonce(clusterKey, boot, counter);
  const cipher = createCipheriv('aes-128-gcm', key, nonce).setAAD(header);
  return Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()]);
}

/** The inner message of a sealed datagram; throws if the tag is wrong. */
export function opened(clusterKey: Uint8Array, datagram: Buffer): Buffer {
  const counter = datagram.readBigUInt64BE(0) & 0xffffffffffffn;
  const { key, nonce } = keyAndNonce(clusterKey, datagram.readBigUInt64BE(8), counter);
  const decipher = createDecipheriv('aes-128-gcm', key, nonce)
    .setAAD(datagram.subarray(0, OUTER_BYTES))
    .setAuthTag(datagram.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(datagram.subarray(OUTER_BYTES, -TAG_BYTES)), decipher.final()]);
}

export interface RangeFields {
  number: number;
  block: number;
  from: number;
  count: number;
}

export interface SubscribeFields {
  fetch: number;
  token: Uint8Array;
  resource: bigint;
  version: Uint8Array;
  symbolUnits: number;
  rateKbit: number;
  heartbeat: number;
  ranges: RangeFields[];
}

export function subscribe(fields: Partial<SubscribeFields> = {}): Buffer {
  const { fetch = 9, token = NO_TOKEN, resource = 1n, symbolUnits = 21, rateKbit = 100_000, heartbeat = 1 } = fields;
  const ranges = fields.ranges ?? [{ number: 1, block: 0, from: 0, count: 16 }];
  const bytes = Buffer.alloc(54 + 14 * ranges.length);
  bytes.writeUInt8(Type.Subscribe, 0);
  bytes.writeUInt8(ranges.length, 1);
  bytes.writeUInt16BE(fetch, 2);
  bytes.set(token, 4);
  bytes.writeBigUInt64BE(resource, 20);
  bytes.set(fields.version ?? Buffer.alloc(16), 28);
  bytes.writeUInt16BE(symbolUnits, 44);
  bytes.writeUInt32BE(rateKbit, 46);
  bytes.writeUInt32BE(heartbeat, 50);
  ranges.forEach(({ number, block, from, count }, i) => {
    bytes.writeUInt32BE(number, 54 + 14 * i);
    bytes.writeUInt32BE(block, 58 + 14 * i);
    bytes.writeUIntBE(from, 62 + 14 * i, 3);
    bytes.writeUIntBE(count, 65 + 14 * i, 3);
  });
  return bytes;
}

export function unsubscribe(fetch = 9): Buffer {
  return Buffer.from([Type.Unsubscribe, 0, fetch >> 8, fetch & 255]);
}

export function listen(fetch: number, first: number, last: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt8(Type.Listen, 0);
  bytes.writeUInt16BE(fetch, 2);
  bytes.writeUInt32BE(first, 4);
  bytes.writeUInt32BE(last, 8);
  return bytes;
}

export function request(id: bigint, payload: Uint8Array, token: Uint8Array = NO_TOKEN): Buffer {
  const bytes = Buffer.alloc(28 + payload.length);
  bytes.writeUInt8(Type.Request, 0);
  bytes.writeUInt16BE(payload.length, 2);
  bytes.writeBigUInt64BE(id, 4);
  bytes.set(token, 12);
  bytes.set(payload, 28);
  return bytes;
}

export function symbol(fetch: number, block: number, esi: number, symbolBytes: number): Buffer {
  const bytes = Buffer.alloc(16 + symbolBytes, 0x5a);
  bytes.writeUInt8(Type.Symbol, 0);
  bytes.writeUInt16BE(fetch, 1);
  bytes.writeUIntBE(0, 3, 6);
  bytes.writeUIntBE(esi, 9, 3);
  bytes.writeUInt32BE(block, 12);
  return bytes;
}

export function tokenOf(inner: Buffer): Buffer {
  return inner.subarray(12, 28);
}

/** A plain UDP socket on loopback that keeps what arrives. */
export class Sender {
  readonly received: Buffer[] = [];
  #wake: () => void = () => {};

  private constructor(
    private readonly socket: Socket,
    readonly port: number,
  ) {
    socket.on('message', (bytes) => {
      this.received.push(bytes);
      this.#wake();
    });
  }

  static open(): Promise<Sender> {
    const socket = createSocket('udp4');
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, '127.0.0.1', () => resolve(new Sender(socket, socket.address().port)));
    });
  }

  send(port: number, datagram: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.send(datagram, port, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Resolves once `count` datagrams have arrived since the start. */
  async arrivals(count: number, timeoutMs = 5000): Promise<Buffer[]> {
    const limit = setTimeout(() => this.#wake(), timeoutMs);
    const started = Date.now();
    while (this.received.length < count && Date.now() - started < timeoutMs) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(limit);
    return this.received;
  }

  close(): void {
    this.socket.close();
  }
}
