// Caught and delivered mail: a list at the side, the message beside it; on a phone one after the other.

import { call } from '../api.ts';
import { parts, query } from '../router.ts';
import { useAnswer } from '../use-answer.ts';
import { MailList } from './inbox/mail-list.tsx';
import { MailView } from './inbox/mail-view.tsx';
import { NothingOpen } from './inbox/nothing-open.tsx';
import '../styles/inbox.css';

const lookMs = 5000;

export function Page() {
  const [, mailbox, id] = parts.value;
  const inboxes = useAnswer('inboxes', (signal) => call('mailInboxes', {}, signal), {
    everyMs: lookMs,
  });
  const address = query.value.get('address') ?? '';
  const isOpen = mailbox !== undefined && id !== undefined;
  return (
    <div class="inbox" data-open={isOpen}>
      {!isOpen && <h1 class="visually-hidden">Inbox</h1>}
      <MailList
        inboxes={inboxes.data ?? []}
        address={address}
        openId={id}
        onChanged={inboxes.reload}
      />
      {isOpen ? (
        <MailView key={`${mailbox} ${id}`} mailbox={mailbox} id={id} onChanged={inboxes.reload} />
      ) : (
        <NothingOpen isEmpty={inboxes.data?.length === 0} />
      )}
    </div>
  );
}
