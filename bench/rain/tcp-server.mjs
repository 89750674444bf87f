// Sends argv[2] bytes to whoever connects first, as fast as the connection takes them.
import { createServer } from 'node:net';

const bytes = Number(process.argv[2]);
const chunk = Buffer.alloc(2 ** 20, 1);
const server = createServer(async (socket) => {
  for (let left = bytes; left > 0; left -= chunk.length) {
    if (!socket.write(left < chunk.length ? chunk.subarray(0, left) : chunk)) {
      await new Promise((resolve) => socket.once('drain', resolve));
    }
  }
  socket.end();
  server.close();
}).listen(0, '127.0.0.1', () => console.log(server.address().port));
