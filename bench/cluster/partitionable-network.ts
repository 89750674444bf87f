import { createSocket, type Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

/**
 * Stands between nodes on one machine, so that they can be cut off from each other without rights over the kernel's
 * network. Each node has a port here, which is the only address that the others know: what comes to the port of one
 * node from another one leaves for it from that other one's port.
 */
export class PartitionableNetwork {
  readonly #cut = new Set<string>();

  private constructor(
    private readonly fronts: readonly Socket[],
    private readonly ports: readonly number[],
  ) {
    for (const [to, front] of fronts.entries()) {
      front.on('message', (bytes, from) => {
        const sender = this.ports.indexOf(from.port);
        if (sender < 0 || this.#cut.has(`${sender} ${to}`)) return;
        this.fronts[sender]!.send(bytes, this.ports[to], '127.0.0.1');
      });
      front.on('error', () => {}); // a node that does not run: nobody listens there
    }
  }

  /** For nodes that bind these UDP ports of 127.0.0.1. */
  static async open(ports: readonly number[]): Promise<PartitionableNetwork> {
    const fronts = await Promise.all(
      ports.map(
        () =>
          new Promise<Socket>((resolve, reject) => {
            const front = createSocket({ type: 'udp4', recvBufferSize: 4 * 2 ** 20 });
            front.once('error', reject);
            front.bind(0, '127.0.0.1', () => resolve(front));
          }),
      ),
    );
    return new PartitionableNetwork(fronts, ports);
  }

  /** The port under which others reach a node. */
  front(node: number): number {
    return (this.fronts[node]!.address() as AddressInfo).port;
  }

  /** Nothing passes from one node to the other any more; the way back is another matter. */
  cut(from: number, to: number): void {
    this.#cut.add(`${from} ${to}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  close(): void {
    for (const front of this.fronts) front.close();
  }
}
