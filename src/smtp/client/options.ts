// What a ClientSession is made with.

import type { ClientTimeouts } from './timeouts.ts';

/** One line of the conversation as it goes: for people who debug. Secrets and content left out. */
export type Trace = (direction: 'C' | 'S', line: string) => void;

export interface ClientSessionOptions {
  readonly protocol: 'smtp' | 'lmtp';
  /** Our name, for EHLO. */
  readonly hostname: string;
  readonly timeouts?: ClientTimeouts | undefined;
  /** False: BDAT only for binary content. Default: also where it saves a round trip. */
  readonly chunking?: boolean | undefined;
  readonly trace?: Trace | undefined;
}
