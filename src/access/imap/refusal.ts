// A considered "no" deep inside a command: thrown there, turned into the completion in one place.

import type { Completion } from '../../imap/event.ts';

/** RFC 9051 §7.1: NO for what cannot be done, BAD for what makes no sense. */
export class ImapRefusal extends Error {
  override readonly name = 'ImapRefusal';
  readonly completion: Completion;

  /** `code` is a response code without brackets: RFC 5530 has most of them. */
  constructor(status: 'NO' | 'BAD', code: string | undefined, text: string) {
    super(text);
    this.completion = { kind: 'completion', status, code, text };
  }
}

export const ok = (text: string, code?: string): Completion => ({
  kind: 'completion',
  status: 'OK',
  code,
  text,
});

/**
 * Some of the messages are gone, and the client has not been told yet; the rest was done. RFC 2180 §4.1
 * would allow NO: Field: clients stop at it. RFC 9051 §7.1, EXPUNGEISSUED.
 */
export const okButGone = (name: string): Completion =>
  ok(`${name} completed, some messages are gone`, 'EXPUNGEISSUED');

export const no = (code: string | undefined, text: string): Completion => ({
  kind: 'completion',
  status: 'NO',
  code,
  text,
});

export const bad = (text: string): Completion => ({ kind: 'completion', status: 'BAD', text });
