// The program of the relay's thread.

import { isMainThread, parentPort } from 'node:worker_threads';
import { serveRelays } from './serve-relays.ts';

if (!isMainThread && parentPort !== null) serveRelays(parentPort);
