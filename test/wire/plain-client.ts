import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';

/**
 * A client of Pouring Rain written from docs/wire.md alone, with nothing of this package: it asks for source symbols
 * only, so it needs no code. It takes symbols that are shared with other readers. It shows that the page suffices.
 */
export class PlainClient {
  readonly #socket: Socket = createSocket('udp4');
  readonly #boot = randomBytes(8);
  readonly #heard: ((inner: Buffer) => void)[] = [];
  #counter = 0n;
  /** Symbols that came in SHARED. */
  shared = 0;
  /** Of the fetch of a block: what each MARK told of, beside what had come until then. */
  readonly marks: { readonly sent: number; readonly came: number }[] = [];

  constructor(
    private readonly clusterKey: Uint8Array,
    private readonly serverPort: number,
  ) {
    this.#socket.on('message', (datagram) => {
      const inner = this.#open(datagram);
      if (inner) for (const heard of [...this.#heard]) heard(inner);
    });
  }

  /** The value of an object, or undefined if the server has not got it. */
  async fetch(key: string): Promise<Buffer | undefined> {
    const id = createHash('sha256').update(key).digest().subarray(0, 8);
    const found = await this.#lookUp(id);
    if (!found) return undefined;
    const blocks: Buffer[] = [];
    for (const [index, sha256] of found.blockHashes.entries()) {
      const bytes = Math.min(found.blockBytes, found.size - index * found.blockBytes);
      const block = await this.#fetchBlock(id, found.version, index, bytes);
      if (!createHash('sha256').update(block).digest().equals(sha256)) throw new Error(`Block ${index} is wrong.`);
      blocks.push(block);
    }
    return Buffer.concat(blocks);
  }

  close(): void {
    this.#socket.close();
  }

  async #lookUp(id: Buffer) {
    const request = randomBytes(8);
    const payload = Buffer.concat([Buffer.of(1), id]); // LOOKUP
    const ask = (token: Buffer) => {
      const head = Buffer.alloc(4);
      head[0] = 6;
      head.writeUInt16BE(payload.length, 2);
      this.#send(Buffer.concat([head, request, token, payload]));
    };
    const answer = await this.#exchange(
      () => ask(Buffer.alloc(16)),
      (inner) => {
        if (inner[0] === 3 && inner[1] === 6 && inner.subarray(4, 12).equals(request)) ask(inner.subarray(12, 28));
        return inner[0] === 7 && inner.subarray(4, 12).equals(request) ? inner.subarray(12) : undefined;
      },
    );
    if (answer[0] !== 0) throw new Error(`The server failed: ${answer.subarray(2, 2 + answer[1]!)}`);
    const body = answer.subarray(1);
    const flags = body[0]!;
    if ((flags & 1) === 0 || (flags & 2) !== 0) return undefined;
    const version = Buffer.from(body.subarray(1, 17));
    const bytes = body.readUInt32BE(17);
    const manifest =
      (flags & 4) !== 0 ? body.subarray(53, 53 + bytes) : await this.#fetchBlock(id, version, 0xffffffff, bytes);
    if (!createHash('sha256').update(manifest).digest().equals(body.subarray(21, 53))) {
      throw new Error('The manifest is wrong.');
    }
    const hashes = manifest.readUInt32BE(74);
    const from = manifest.length - 32 * hashes;
    return {
      version,
      size: Number(manifest.readBigUInt64BE(26)),
      blockBytes: manifest.readUInt32BE(34),
      blockHashes: Array.from({ length: hashes }, (_, i) => manifest.subarray(from + 32 * i, from + 32 * i + 32)),
    };
  }

  /** Asks for source symbols until each has come; what was lost is asked for anew, in ranges of new numbers. */
  async #fetchBlock(id: Buffer, version: Buffer, block: number, bytes: number): Promise<Buffer> {
    const symbolBytes = Math.min(1344, Math.ceil(bytes / 64) * 64);
    const k = Math.ceil(bytes / symbolBytes);
    const whole = Buffer.alloc(k * symbolBytes);
    const missing = new Set(Array.from({ length: k }, (_, esi) => esi));
    const fetch = randomBytes(2);
    const stream = createHmac('sha256', 'murky-waters rain 1 stream')
      .update(id)
      .update(version)
      .digest()
      .subarray(0, 8);
    let token = Buffer.alloc(16);
    let heartbeat = 0;
    let number = 0;
    let came = 0;
    const arrived = (inner: Buffer) => {
      came++;
      const esi = inner.readUIntBE(9, 3);
      if (inner.readUInt32BE(12) === block && missing.delete(esi)) inner.copy(whole, esi * symbolBytes, 16);
    };
    const ask = () => {
      const wanted = runs(missing).slice(0, 90);
      const head = Buffer.alloc(54 + 14 * wanted.length);
      head[0] = 1;
      head[1] = wanted.length;
      head.set(fetch, 2);
      head.set(token, 4);
      head.set(id, 20);
      head.set(version, 28);
      head.writeUInt16BE(symbolBytes / 64, 44);
      head.writeUInt32BE(20_000, 46); // kbit/s
      head.writeUInt32BE(++heartbeat, 50);
      wanted.forEach(({ from, count }, i) => {
        head.writeUInt32BE(++number, 54 + 14 * i);
        head.writeUInt32BE(block, 58 + 14 * i);
        head.writeUIntBE(from, 62 + 14 * i, 3);
        head.writeUIntBE(count, 65 + 14 * i, 3);
      });
      this.#send(head);
      if (token.some((byte) => byte !== 0)) this.#send(Buffer.concat([Buffer.of(10, 0), fetch])); // JOIN
    };
    await this.#exchange(ask, (inner) => {
      if (inner[0] === 3 && inner[1] === 1 && inner.subarray(2, 4).equals(fetch)) {
        token = Buffer.from(inner.subarray(12, 28));
        ask();
      } else if (inner[0] === 4 && inner.subarray(2, 4).equals(fetch) && inner[1] !== 3) {
        throw new Error(`Block ${block} was refused for reason ${inner[1]}.`);
      } else if (inner[0] === 2 && inner.subarray(1, 3).equals(fetch)) {
        arrived(inner);
      } else if (inner[0] === 8 && inner.subarray(1, 9).equals(stream)) {
        arrived(inner);
        this.shared++;
      } else if (inner[0] === 9 && inner.subarray(2, 4).equals(fetch)) {
        this.marks.push({ sent: inner.readUIntBE(4, 3), came });
      }
      return missing.size === 0 || undefined;
    });
    this.#send(Buffer.concat([Buffer.of(5, 0), fetch])); // UNSUBSCRIBE
    return whole.subarray(0, bytes);
  }

  /** Says something now and every 200 ms until `take` makes something of what comes. */
  #exchange<T>(say: () => void, take: (inner: Buffer) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const again = setInterval(say, 200);
      const limit = setTimeout(() => end(() => reject(new Error('The server does not answer.'))), 20_000);
      const heard = (inner: Buffer) => {
        try {
          const taken = take(inner);
          if (taken !== undefined) end(() => resolve(taken));
        } catch (error) {
          end(() => reject(error));
        }
      };
      const end = (settle: () => void) => {
        clearInterval(again);
        clearTimeout(limit);
        this.#heard.splice(this.#heard.indexOf(heard), 1);
        settle();
      };
      this.#heard.push(heard);
      say();
    });
  }

  #send(inner: Buffer): void {
    const header = Buffer.alloc(16);
    header[0] = 1; // version
    header[1] = 1; // AES-128-GCM
    header.writeUIntBE(Number(this.#counter), 2, 6);
    header.set(this.#boot, 8);
    const { key, nonce } = this.#keyAndNonce(this.#boot, this.#counter++);
    const cipher = createCipheriv('aes-128-gcm', key, nonce).setAAD(header);
    const sealed = Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()]);
    this.#socket.send(sealed, this.serverPort, '127.0.0.1');
  }

  /** The inner message, or undefined for what is not genuine. */
  #open(datagram: Buffer): Buffer | undefined {
    if (datagram.length < 32 || datagram[0] !== 1 || (datagram[1] !== 1 && datagram[1] !== 2)) return undefined;
    const { key, nonce } = this.#keyAndNonce(datagram.subarray(8, 16), BigInt(datagram.readUIntBE(2, 6)));
    const decipher = createDecipheriv('aes-128-gcm', key, nonce).setAAD(datagram.subarray(0, 16));
    decipher.setAuthTag(datagram.subarray(-16));
    try {
      const inner = Buffer.concat([decipher.update(datagram.subarray(16, -16)), decipher.final()]);
      return datagram[1] === 1 || inner[0] === 8 ? inner : undefined; // only SHARED is sealed for many
    } catch {
      return undefined;
    }
  }

  #keyAndNonce(boot: Buffer, counter: bigint) {
    const epoch = Buffer.alloc(4);
    epoch.writeUInt32BE(Number(counter >> 22n));
    const info = Buffer.concat([Buffer.from('aes-128-gcm'), boot, epoch]);
    const okm = Buffer.from(hkdfSync('sha256', this.clusterKey, 'murky-waters rain 1', info, 28));
    const nonce = okm.subarray(16, 28);
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ counter, 4);
    return { key: okm.subarray(0, 16), nonce };
  }
}

/** Runs of ESIs that follow each other. */
function runs(esis: ReadonlySet<number>): { from: number; count: number }[] {
  const found: { from: number; count: number }[] = [];
  for (const esi of esis) {
    const last = found.at(-1);
    if (last && last.from + last.count === esi) last.count++;
    else found.push({ from: esi, count: 1 });
  }
  return found;
}
