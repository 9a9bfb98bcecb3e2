// Threads for tests that open many stores: one that serves every store of the process, and one that serves every reader,
// for to start one and to load its program takes a hundred times as long as to open a store. Between the owner and what
// serves him is all that there is with threads of their own: another thread, and messages that are copied.

import { EventEmitter } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Program, StartThread, Thread } from './thread.ts';

const hosts = new Map<Program, Worker>();

function hostOf(program: Program): Worker {
  const host = hosts.get(program) ?? new Worker(new URL('./test-thread-host.ts', import.meta.url));
  hosts.set(program, host);
  host.unref();
  return host;
}

export const startSharedThread: StartThread = (program, _name, data) => {
  const { port1, port2 } = new MessageChannel();
  hostOf(program).postMessage({ program, data, port: port2 }, [port2]);
  const events = new EventEmitter();
  port1.on('message', (message) => events.emit('message', message));
  port1.on('messageerror', (error) => events.emit('messageerror', error));
  port1.on('close', () => events.emit('exit', 0));
  return Object.assign(events, {
    postMessage: (message, transfer = []) => port1.postMessage(message, [...transfer]),
  } satisfies Pick<Thread, 'postMessage'>);
};
