// How much like spam a message is, as rspamd says that was named: shown with all of its rules, and nothing learnt.

import type { HttpRequest, HttpResponse } from '../../net/http-request.ts';
import { askRspamd, type RspamdServer } from '../../policy/filters/rspamd-request.ts';
import type { RspamdRule } from '../../policy/filters/rspamd-verdict.ts';
import type { ShownMessage } from '../shown-message.ts';

export interface SpamCheck {
  /** It would be marked or refused. */
  readonly isSpam: boolean;
  /** In rspamd's words: `no action`, `add header`, `reject` … */
  readonly action: string;
  readonly score: number;
  /** The score from which on it would be refused. */
  readonly required: number;
  /** The heaviest first. */
  readonly rules: readonly RspamdRule[];
}

export interface SpamCheckParts {
  readonly server: RspamdServer;
  readonly request: (options: HttpRequest) => Promise<HttpResponse>;
}

/** @throws Error that says why rspamd gave no answer */
export async function checkSpam(
  octets: Uint8Array,
  { returnPath, to, cc }: Pick<ShownMessage, 'returnPath' | 'to' | 'cc'>,
  { server, request }: SpamCheckParts,
): Promise<SpamCheck> {
  const { action, score, required, rules } = await askRspamd({
    ...{ server, request, body: octets },
    recipients: [...to, ...cc].map(({ address }) => address),
    about: { From: returnPath === '' ? '<>' : returnPath },
  });
  return {
    ...{ action, rules, score: Number(score) || 0, required: Number(required) || 0 },
    isSpam: !harmless.has(action),
  };
}

const harmless: ReadonlySet<string> = new Set(['no action', 'greylist']);
