#!/usr/bin/env node
import { holdHangups } from './serve/hangup.js';

// Before all that takes its time to load: until then a SIGHUP ends the process, as it may end every other command.
if (process.argv[2] === 'serve') holdHangups();
await import('./main.js');
