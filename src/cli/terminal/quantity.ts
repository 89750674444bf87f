const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const DECIMAL = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'];

/** 0 B, 1023 B, 1.5 KiB, 32 MiB: at most one decimal. */
export function bytesText(bytes: number): string {
  return scaled(bytes, 1024, BINARY);
}

/** 1 object, 2 objects. */
export function countText(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** 950 bit/s, 45.2 Mbit/s. */
export function rateText(bitsPerSecond: number): string {
  return scaled(bitsPerSecond, 1000, DECIMAL);
}

/** 0.4 s, 12.3 s, 2 min 5 s, 3 h 4 min, 2 d 3 h. */
export function secondsText(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** Seconds for programs, to the microsecond: what lies behind it is no measurement. */
export function toMicroseconds(seconds: number): number {
  return Number(seconds.toFixed(6));
}

/** 0 %, 0.4 %, 5.1 %, 100 %. */
export function shareText(share: number): string {
  return `${trimmed(share * 100)} %`;
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let unit = 0;
  let left = value;
  // 1023.96 KiB would be written "1024 KiB": step on before rounding does.
  while (unit < units.length - 1 && left >= step - (unit === 0 ? 0 : 0.05)) {
    left /= step;
    unit++;
  }
  return `${unit === 0 ? Math.round(left) : trimmed(left)} ${units[unit]}`;
}

function trimmed(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}
