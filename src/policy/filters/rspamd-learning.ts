// rspamd learns what is spam and what is not, from its controller worker (/learnspam, /learnham). A message that
// it knows already is no failure.

import type { HttpRequest, HttpResponse } from '../../net/http-request.ts';
import { statusWords } from '../../net/http-request.ts';
import type { OtherPupil } from '../spam/junk-learner.ts';
import type { RspamdSettings } from './rspamd.ts';

export interface RspamdLearningParts {
  readonly settings: Pick<RspamdSettings, 'name' | 'password' | 'messageTimeout' | 'largest'> & {
    /** `http://127.0.0.1:11334`. */
    readonly controller: string;
  };
  readonly request: (options: HttpRequest) => Promise<HttpResponse>;
}

/** Field: 208 for what was learnt before, 204 (with a body all the same) for what is too short to learn from. */
const learnt: ReadonlySet<number> = new Set([200, 204, 208]);

export function rspamdLearning({ settings, request }: RspamdLearningParts): OtherPupil {
  const { name, controller, password, messageTimeout, largest } = settings;
  return {
    name,
    async learn(content, is, account) {
      if (content.size > largest) return;
      const { status } = await request({
        url: new URL(`/learn${is}`, controller),
        method: 'POST',
        // The account's own statistics, where rspamd keeps them by user.
        headers: {
          'Deliver-To': account.replace(/[^\x20-\x7e]/g, '?'),
          ...(password !== undefined && { Password: password }),
        },
        body: content.bytes ?? content,
        ...{ timeoutMs: messageTimeout, bytesMax: 0, bodyUnread: true },
      });
      if (!learnt.has(status)) throw new Error(`HTTP ${status} ${statusWords(status)}`.trimEnd());
    },
  };
}
