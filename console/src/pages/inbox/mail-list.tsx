// The messages of one inbox or of all, newest first, and a search through them.

import { useEffect, useState } from 'preact/hooks';
import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Icon } from '../../components/icon.tsx';
import { Button } from '../../components/page.tsx';
import { SearchField } from '../../components/search-field.tsx';
import { Problem, Waiting } from '../../components/states.tsx';
import { When } from '../../components/time.tsx';
import { counted } from '../../format.ts';
import { path, query, setQuery } from '../../router.ts';
import { session } from '../../session.ts';
import { useAnswer } from '../../use-answer.ts';
import { useNews } from '../../use-news.ts';
import { DeleteAll } from './delete-all.tsx';
import { mailPath } from './paths.ts';

type Inbox = AnswerOf<'mailInboxes'>[number];
export type MailLine = AnswerOf<'mailSearch'>['messages'][number];

interface MailListProps {
  readonly inboxes: readonly Inbox[];
  /** Whose mail; '' is everybody's. */
  readonly address: string;
  readonly openId: string | undefined;
  readonly onChanged: () => void;
}

/** How often it is asked for what is new where no event tells of it. */
const lookMs = 5000;
const pageLines = 50;

export function MailList({ inboxes, address, openId, onChanged }: MailListProps) {
  const text = query.value.get('q') ?? '';
  const [limit, setLimit] = useState(pageLines);
  const isDev = session.value?.dev === true;
  const whose = address || (isDev ? '' : (inboxes[0]?.address ?? ''));
  const isNobody = !isDev && whose === '';
  const { data, error, loading, reload } = useAnswer(
    `mail ${whose} ${text} ${limit}`,
    async (signal) => {
      if (isNobody) return undefined;
      const asked = {
        ...(whose !== '' && { address: whose }),
        ...(text !== '' && { query: text }),
      };
      return call('mailSearch', { ...asked, timeZone: zone, limit }, signal);
    },
    { everyMs: lookMs },
  );
  const openPath = path.value;
  // Reading one marks it as read.
  useEffect(() => reload(), [openPath, reload]);
  useNews('mail', reload);
  return (
    <section class="mails" aria-label="Messages">
      <header>
        <div class="row spread">
          <InboxChoice inboxes={inboxes} whose={whose} isDev={isDev} />
          {isDev && <DeleteAll address={whose} onDone={() => [reload(), onChanged()]} />}
        </div>
        <SearchField
          label="Search mail"
          hint="Words, from: subject: has:attachment …"
          value={text}
          onSearch={(q) => setQuery({ q })}
        />
        <p class="faint small" role="status">
          {data === undefined
            ? '\u00a0'
            : `${counted(data.total, 'message')}, ${data.unread} unread`}
        </p>
      </header>
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what="Looking for mail" />}
      {data?.messages.length === 0 && (
        <p class="none faint">{text === '' ? 'No mail yet.' : 'No message fits.'}</p>
      )}
      <ol>
        {data?.messages.map((mail) => (
          <li key={mail.id}>
            <Line mail={mail} isOpen={mail.id === openId} showsWhose={whose === ''} />
          </li>
        ))}
      </ol>
      {data !== undefined && data.total > limit && (
        <div class="more">
          <Button onClick={() => setLimit(limit + pageLines)}>Show more</Button>
        </div>
      )}
    </section>
  );
}

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

interface InboxChoiceProps {
  readonly inboxes: readonly Inbox[];
  readonly whose: string;
  readonly isDev: boolean;
}

function InboxChoice({ inboxes, whose, isDev }: InboxChoiceProps) {
  const isKnown = whose === '' || inboxes.some(({ address }) => address === whose);
  return (
    <select
      class="select"
      aria-label="Whose mail"
      value={whose}
      onChange={(event) => setQuery({ address: event.currentTarget.value })}
    >
      {isDev && <option value="">All inboxes</option>}
      {!isKnown && <option value={whose}>{whose}</option>}
      {inboxes.map(({ address, total, unread }) => (
        <option key={address} value={address}>
          {address} ({unread > 0 ? `${unread} of ${total}` : total})
        </option>
      ))}
    </select>
  );
}

interface LineProps {
  readonly mail: MailLine;
  readonly isOpen: boolean;
  readonly showsWhose: boolean;
}

function Line({ mail, isOpen, showsWhose }: LineProps) {
  const { id, mailbox, from, subject, preview, received, seen, attachments, tags } = mail;
  const [sender] = from;
  return (
    <a
      class="mail-line"
      data-row
      data-unread={!seen}
      href={mailPath(mailbox, id)}
      aria-current={isOpen ? 'true' : undefined}
    >
      <span class="first">
        <span class="who one-line">
          {!seen && <span class="visually-hidden">unread, </span>}
          {sender === undefined ? 'no sender' : sender.name || sender.address}
        </span>
        {attachments > 0 && (
          <span title={counted(attachments, 'attachment')}>
            <Icon name="clip" size={13} />
            <span class="visually-hidden">{counted(attachments, 'attachment')}</span>
          </span>
        )}
        <When at={received} />
      </span>
      <span class="subject one-line">{subject || 'no subject'}</span>
      <span class="preview one-line">
        {showsWhose && `to ${mailbox}${preview === '' ? '' : ' · '}`}
        {preview}
      </span>
      {tags.length > 0 && (
        <span class="badges">
          {tags.map((tag) => (
            <span key={tag} class="badge">
              {tag}
            </span>
          ))}
        </span>
      )}
    </a>
  );
}
