import pc from 'picocolors';

export type Colours = ReturnType<typeof pc.createColors>;

const none = pc.createColors(false);
const all = pc.createColors(true);

/**
 * Colours for what goes to `stream`: only on a terminal, and not where NO_COLOR (https://no-color.org) is set. The
 * library's own guess would also colour pipes wherever CI is set, and look at standard output alone.
 */
export function coloursFor(stream: NodeJS.WriteStream): Colours {
  return stream.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb' ? all : none;
}
