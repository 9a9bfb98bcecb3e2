// Whose mail is listed.

import type { AnswerOf } from '../../api.ts';
import { number } from '../../format.ts';
import { setQuery } from '../../router.ts';

interface InboxChoiceProps {
  readonly inboxes: AnswerOf<'mailInboxes'>;
  readonly whose: string;
  /** All of them can be listed at once. */
  readonly isDev: boolean;
}

export function InboxChoice({ inboxes, whose, isDev }: InboxChoiceProps) {
  const isKnown = whose === '' || inboxes.some(({ address }) => address === whose);
  return (
    <select
      class="select"
      aria-label="Whose mail"
      value={whose}
      onChange={(event) => setQuery({ address: event.currentTarget.value })}
    >
      {!isDev && inboxes.length === 0 && <option value="">No inbox</option>}
      {isDev && <option value="">All inboxes</option>}
      {!isKnown && <option value={whose}>{whose}</option>}
      {inboxes.map(({ address, total, unread }) => (
        <option key={address} value={address}>
          {address} ({unread > 0 ? `${number(unread)} of ${number(total)}` : number(total)})
        </option>
      ))}
    </select>
  );
}
