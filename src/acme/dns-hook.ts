// How a TXT record gets into the DNS and out of it: by a function in the configuration, or by a program of the operator's.
// Either has its time; what it throws, or says on stderr, is why there is no certificate.

import { execFile } from 'node:child_process';
import { messageOf } from '../base/error-text.ts';

export interface DnsChange {
  readonly action: 'add' | 'remove';
  /** `_acme-challenge.mx.example.org`. */
  readonly name: string;
  /** What the TXT record says; there may be several of a name. */
  readonly value: string;
}

/** Adds or removes a TXT record. */
export type DnsHook = (change: DnsChange) => void | Promise<void>;

/** Limit: of one change. */
const hookMs = 2 * 60_000;
/** Limit: octets that a program may say. */
const saidBytesMax = 64 * 1024;

/** @throws Error when it fails, or takes too long. */
export async function changeDns(hook: DnsHook | string, change: DnsChange): Promise<void> {
  if (typeof hook === 'string') return runProgram(hook, change);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('`dns` has not come to an end')), hookMs);
  try {
    await Promise.race([hook(change), late.promise]);
  } catch (error) {
    throw new Error(`the DNS was not changed: ${messageOf(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function runProgram(path: string, { action, name, value }: DnsChange): Promise<void> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: hookMs, maxBuffer: saidBytesMax };
    execFile(path, [action, name, value], limits, (error, _stdout, stderr) => {
      if (error === null) return resolve();
      const { code, killed } = error;
      const why = killed === true ? 'it takes too long' : `it ended with ${code ?? 'a signal'}`;
      const [line = ''] = stderr.trim().split('\n');
      return reject(new Error(`${path} ${action} ${name}: ${line === '' ? why : line}`));
    });
  });
}
