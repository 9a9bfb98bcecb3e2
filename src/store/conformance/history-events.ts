// What happens to messages, for tests of histories: a second after the other.

import { createMessageIds } from '../../queue/message-id.ts';
import type { AttemptResult, HistoryEvent, RefusedEvent } from '../history.ts';

type Received = Extract<HistoryEvent, { readonly kind: 'received' }>;

/** From that moment on; of a node of that number. */
export function happenings(start = Date.UTC(2026, 0, 1), node = 0) {
  let now = start;
  const clock = { now: () => now };
  const newId = createMessageIds({ clock, random: { fraction: () => 0 }, node });

  function received(given: Partial<Received> = {}): Received {
    now += 1000;
    return {
      ...{ id: newId(), at: now, kind: 'received', sender: 'ann@example.org', size: 100 },
      ...{ recipients: ['bob@example.net'], recipientCount: 1 },
      origin: { session: 's', service: 'smtp', protocol: 'ESMTP', clientAddress: '192.0.2.1' },
      ...given,
    };
  }

  const attempt = (
    { id }: Pick<Received, 'id'>,
    result: AttemptResult['result'],
    reply = '250 OK',
    address = 'bob@example.net',
  ): HistoryEvent => ({
    ...{ id, at: now, kind: 'attempt', destination: 'mx:example.net', durationMs: 1 },
    results: [{ address, attempt: 1, result, reply }],
  });

  function refused(facts: Partial<RefusedEvent['refusal']> = {}, id = 's1'): RefusedEvent {
    now += 1000;
    const refusal = { client: '198.51.100.7', stage: 'rcpt', reason: 'listed', ...facts };
    const keys = [facts.from, facts.to].filter((key) => key !== undefined);
    return { id, at: now, kind: 'refused', refusal, keys };
  }

  return { clock, received, attempt, refused };
}
