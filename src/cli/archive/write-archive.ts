import { once } from 'node:events';
import { pack } from 'tar-stream';
import { type ArchivedObject, headerOf } from './entry-header.js';

/** An object on its way into an archive; the body has exactly `bytes` bytes or fails. */
export interface OutgoingObject extends ArchivedObject {
  readonly body: AsyncIterable<Uint8Array>;
}

/** A tar archive of objects as they come: holds a few chunks at a time, however large the objects are. */
export async function* writeArchive(objects: AsyncIterable<OutgoingObject>): AsyncGenerator<Uint8Array> {
  const archive = pack();
  const filling = fill(archive, objects).catch((error) => archive.destroy(error));
  try {
    yield* archive as AsyncIterable<Uint8Array>;
  } finally {
    archive.destroy(null);
    await filling;
  }
}

async function fill(archive: ReturnType<typeof pack>, objects: AsyncIterable<OutgoingObject>): Promise<void> {
  for await (const object of objects) await add(archive, object);
  archive.finalize();
}

async function add(archive: ReturnType<typeof pack>, object: OutgoingObject): Promise<void> {
  let entry: ReturnType<typeof archive.entry> | undefined;
  const added = new Promise<void>((resolve, reject) => {
    entry = archive.entry(headerOf(object), (error) => (error ? reject(error) : resolve()));
  });
  entry!.on('error', () => {}); // the archive ends with the same one
  added.catch(() => {}); // told below, once the body has been let go
  for await (const chunk of object.body) {
    if (!entry!.write(chunk)) await Promise.race([once(entry!, 'drain'), added]);
  }
  entry!.end(null);
  await added;
}
