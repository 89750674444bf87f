/** When a version was written, by its writer's clock: its text begins with 48 bits of wall-clock milliseconds. */
export function timeOfVersion(version: string): Date {
  return new Date(Number.parseInt(version.slice(0, 12), 16));
}
