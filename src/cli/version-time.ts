/** When a version was written, by its writer's clock: its text begins with 48 bits of wall-clock milliseconds. */
export function timeOfVersion(version: string): Date {
  return new Date(Number.parseInt(version.slice(0, 12), 16));
}

/** The same of the reading itself: 48 bits of milliseconds, and 16 that count within one. */
export function timeOfReading(reading: bigint): Date {
  return new Date(Number(reading >> 16n));
}

/** The same in UTC, to the second, 20 characters wide; a dash where a node says nonsense. */
export function timeText(version: string): string {
  const time = timeOfVersion(version);
  return Number.isNaN(time.getTime()) ? '-'.padEnd(20) : time.toISOString().replace(/\.\d+Z$/, 'Z');
}
