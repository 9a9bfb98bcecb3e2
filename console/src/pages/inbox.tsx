// Caught and delivered mail: a list at the side, the message beside it; on a phone one after the other.

import { call } from '../api.ts';
import { MailList } from '../mail/mail-list.tsx';
import { useMails } from '../mail/use-mails.ts';
import { parts, query } from '../router.ts';
import { session } from '../session.ts';
import { useAnswer } from '../use-answer.ts';
import { useNews } from '../use-news.ts';
import { Access } from './inbox/access.tsx';
import { DeleteAll } from './inbox/delete-all.tsx';
import { ImportMail } from './inbox/import-mail.tsx';
import { InboxChoice } from './inbox/inbox-choice.tsx';
import { NothingOpen } from './inbox/nothing-open.tsx';
import { OpenMail } from './inbox/open-mail.tsx';
import { mailPath } from './inbox/paths.ts';
import { TagFilter } from './inbox/tag-filter.tsx';
import '../styles/inbox.css';

/** How often it is asked for what is new where no event tells of it. */
const lookMs = 5000;

/** Where there is no account. */
const none = { total: 0, unread: 0 };
const nothing = { ...none, all: none, tags: {}, messages: [] };

export function Page() {
  const [, mailbox, id] = parts.value;
  const inboxes = useAnswer('inboxes', (signal) => call('mailInboxes', {}, signal), {
    everyMs: lookMs,
  });
  const known = inboxes.data ?? [];
  const isDev = session.value?.dev === true;
  /** '' is everybody, in development; else nobody. */
  const whose = query.value.get('address') || (isDev ? '' : (known[0]?.address ?? ''));
  const isNobody = !isDev && whose === '';
  const isKnown = inboxes.data !== undefined;
  const mails = useMails(
    isNobody && !isKnown ? 'nobody yet' : whose,
    async (asked, signal) =>
      isNobody
        ? isKnown
          ? nothing
          : undefined
        : call('mailSearch', { ...asked, ...(whose !== '' && { address: whose }) }, signal),
    { everyMs: lookMs },
  );
  const changed = () => {
    mails.reload();
    inboxes.reload();
  };
  useNews('mail', mails.reload);
  useNews('mail', inboxes.reload);
  const isOpen = mailbox !== undefined && id !== undefined;
  return (
    <div class="inbox" data-open={isOpen}>
      {!isOpen && <h1 class="visually-hidden">Inbox</h1>}
      <MailList
        mails={mails}
        openId={id}
        pathOf={(mail) => mailPath(mail.mailbox, mail.id)}
        isOfSeveral={whose === ''}
        hint="Words, from: subject: has:attachment …"
        none={isNobody ? 'No account yet.' : 'No mail yet.'}
      >
        <ImportMail address={whose} onDone={changed}>
          <div class="row spread">
            <InboxChoice inboxes={known} whose={whose} isDev={isDev} />
            {isDev && whose !== '' && <Access address={whose} />}
            {isDev && <DeleteAll address={whose} onDone={changed} />}
          </div>
        </ImportMail>
        <TagFilter tags={mails.data?.tags ?? {}} />
      </MailList>
      {isOpen ? (
        <OpenMail
          key={`${mailbox} ${id}`}
          mailbox={mailbox}
          id={id}
          tags={Object.keys(mails.data?.tags ?? {})}
          onChanged={changed}
        />
      ) : (
        <NothingOpen isEmpty={inboxes.data?.length === 0} />
      )}
    </div>
  );
}
