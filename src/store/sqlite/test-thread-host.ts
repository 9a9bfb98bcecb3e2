// The thread behind test-threads.ts: serves each owner who sends it a port.

import type { MessagePort } from 'node:worker_threads';
import { parentPort } from 'node:worker_threads';
import type { ReaderThreadOptions } from './reader/serve-reader.ts';
import { serveReader } from './reader/serve-reader.ts';
import type { StoreThreadOptions } from './serve-store.ts';
import { serveStore } from './serve-store.ts';

type Order = { readonly port: MessagePort } & (
  | { readonly program: 'worker.ts'; readonly data: StoreThreadOptions }
  | { readonly program: 'reader/reader-worker.ts'; readonly data: ReaderThreadOptions }
);

parentPort?.on('message', (order: Order) => {
  if (order.program === 'worker.ts') serveStore(order.data, order.port);
  else serveReader(order.data, order.port);
});
