import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Address } from '../../src/rain/contract.js';

/** A way to a server on which longer datagrams vanish without a word, as where ICMP is filtered. */
export interface NarrowRelay {
  readonly address: Address;
  /** Of UDP payload, from the server. May be changed. */
  mostBytes: number;
  /** Datagrams that vanished. */
  swallowed: number;
  close(): void;
}

/** For one client. */
export async function narrowRelay(server: Address, mostBytes: number): Promise<NarrowRelay> {
  const front = await bound();
  const back = await bound();
  let client: { address: string; port: number } | undefined;
  const relay: NarrowRelay = {
    address: { host: '127.0.0.1', port: front.address().port },
    mostBytes,
    swallowed: 0,
    close() {
      front.close();
      back.close();
    },
  };
  front.on('message', (datagram, from) => {
    client = from;
    back.send(datagram, server.port, server.host);
  });
  back.on('message', (datagram) => {
    if (datagram.length > relay.mostBytes) relay.swallowed++;
    else if (client) front.send(datagram, client.port, client.address);
  });
  return relay;
}

async function bound(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 2 ** 20 });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}
