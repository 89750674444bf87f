import { RainClient, type RainEndpointOptions, RainServer, type RainServerOptions } from '../../src/index.js';
import { RainEndpoint } from '../../src/rain/endpoint.js';

/** Servers and clients on real sockets of this machine, closed by `closeAll`. */
const opened: { close(): Promise<void> }[] = [];

export async function server(options: RainServerOptions = {}): Promise<RainServer> {
  const made = await RainServer.listen(options);
  opened.push(made);
  return made;
}

export async function client(options: RainEndpointOptions = {}): Promise<RainClient> {
  const made = await RainClient.open(options);
  opened.push(made);
  return made;
}

export async function endpoint(options: RainEndpointOptions = {}): Promise<RainEndpoint> {
  const made = await RainEndpoint.open(options);
  opened.push(made);
  return made;
}

export async function closeAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((one) => one.close()));
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Waits until `check` holds; fails after ten seconds. */
export async function until(check: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!check()) {
    if (Date.now() > end) throw new Error(`${what} did not happen within 10 s`);
    await pause(20);
  }
}
