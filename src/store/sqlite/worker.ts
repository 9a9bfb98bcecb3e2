// The store's thread.

import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import { serveStore } from './serve-store.ts';

assert(parentPort !== null, 'runs as a thread');
serveStore(workerData, parentPort);
