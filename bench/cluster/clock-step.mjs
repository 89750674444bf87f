// Loaded into a node before anything else (--import): its wall clock is ahead by as many milliseconds as the file
// MURKY_SOAK_CLOCK says, which may change while it runs. The monotonic clock stays what it is.
import { readFileSync } from 'node:fs';

const now = Date.now;
let aheadMs = 0;

function look() {
  try {
    aheadMs = Number(readFileSync(process.env.MURKY_SOAK_CLOCK, 'utf8')) || 0;
  } catch {
    aheadMs = 0;
  }
}

look();
setInterval(look, 100).unref();
Date.now = () => now() + aheadMs;
