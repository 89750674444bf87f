import { createSocket } from 'node:dgram';

export const INTERFACE = '127.0.0.1';
const GROUP = '224.0.0.251';
const PATIENCE_MS = 1500;

/** A port on which multicast reaches this process over loopback, or undefined where the machine does not do that. */
export async function multicastPort(): Promise<number | undefined> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(0, '0.0.0.0', resolve));
    const { port } = socket.address();
    socket.addMembership(GROUP, INTERFACE);
    socket.setMulticastInterface(INTERFACE);
    const heard = new Promise<boolean>((resolve) => {
      socket.once('message', () => resolve(true));
      setTimeout(() => resolve(false), PATIENCE_MS);
    });
    socket.send('?', port, GROUP);
    return (await heard) ? port : undefined;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}
