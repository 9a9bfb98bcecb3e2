// The reader's thread.

import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../../base/assert.ts';
import { serveReader } from './serve-reader.ts';

assert(parentPort !== null, 'runs as a thread');
serveReader(workerData, parentPort);
