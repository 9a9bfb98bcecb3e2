// One's own mail: a list at the side, the message beside it; on a phone one after the other.

import { useCallback, useEffect, useState } from 'preact/hooks';
import { Icon } from '../../components/icon.tsx';
import { Button } from '../../components/page.tsx';
import { SearchField } from '../../components/search-field.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
import { When } from '../../components/time.tsx';
import { counted } from '../../format.ts';
import { parts, path, query, setQuery } from '../../router.ts';
import { useAnswer } from '../../use-answer.ts';
import { MessageView } from './message-view.tsx';
import { type OwnAnswer, own } from './own-api.ts';
import { ownMailPath } from './own-path.ts';

const lookMs = 15_000;
const pageLines = 50;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function MailPage() {
  const [, , id] = parts.value;
  const [reads, setReads] = useState(0);
  const onRead = useCallback(() => setReads((before) => before + 1), []);
  return (
    <div class="inbox" data-open={id !== undefined}>
      {id === undefined && <h1 class="visually-hidden">Mail</h1>}
      <List openId={id} reads={reads} />
      {id === undefined ? (
        <section class="reading" aria-label="Message">
          <Empty icon="mail" title="No message is open">
            <p>Choose one in the list.</p>
          </Empty>
        </section>
      ) : (
        <MessageView key={id} id={id} onRead={onRead} />
      )}
    </div>
  );
}

interface ListProps {
  readonly openId: string | undefined;
  /** How many were marked as read meanwhile. */
  readonly reads: number;
}

function List({ openId, reads }: ListProps) {
  const folder = query.value.get('folder') ?? 'INBOX';
  const text = query.value.get('q') ?? '';
  const [limit, setLimit] = useState(pageLines);
  const folders = useAnswer('folders', (signal) => own('folders', {}, signal), { everyMs: lookMs });
  const { data, error, loading, reload } = useAnswer(
    `own ${folder} ${text} ${limit}`,
    (signal) =>
      own(
        'mailSearch',
        { folder, timeZone: zone, limit, ...(text !== '' && { query: text }) },
        signal,
      ),
    { everyMs: lookMs },
  );
  const openPath = path.value;
  useEffect(() => reload(), [openPath, reads, reload]);
  return (
    <section class="mails" aria-label="Messages">
      <header>
        <select
          class="select"
          aria-label="Folder"
          value={folder}
          onChange={(event) => setQuery({ folder: event.currentTarget.value })}
        >
          {(folders.data ?? [{ path: folder, unread: 0 }]).map(({ path: one, unread }) => (
            <option key={one} value={one}>
              {one === 'INBOX' ? 'Inbox' : one} {unread > 0 && `(${unread})`}
            </option>
          ))}
        </select>
        <SearchField label="Search mail" value={text} onSearch={(q) => setQuery({ q })} />
        <p class="faint small" role="status">
          {data === undefined
            ? '\u00a0'
            : `${counted(data.total, 'message')}, ${data.unread} unread`}
        </p>
      </header>
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what="Looking for mail" />}
      {data?.messages.length === 0 && (
        <p class="none faint">{text === '' ? 'Nothing is in here.' : 'No message fits.'}</p>
      )}
      <ol>
        {data?.messages.map((mail) => (
          <li key={mail.id}>
            <Line mail={mail} isOpen={mail.id === openId} />
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

interface LineProps {
  readonly mail: OwnAnswer<'mailSearch'>['messages'][number];
  readonly isOpen: boolean;
}

function Line({ mail, isOpen }: LineProps) {
  const { id, from, subject, preview, received, seen, answered, attachments } = mail;
  const [sender] = from;
  return (
    <a
      class="mail-line"
      data-unread={!seen}
      href={ownMailPath(id)}
      aria-current={isOpen ? 'true' : undefined}
    >
      <span class="first">
        <span class="who one-line">
          {!seen && <span class="visually-hidden">unread, </span>}
          {sender === undefined ? 'no sender' : sender.name || sender.address}
        </span>
        {answered && (
          <span title="answered">
            <Icon name="reply" size={13} />
            <span class="visually-hidden">answered</span>
          </span>
        )}
        {attachments > 0 && (
          <span title={counted(attachments, 'attachment')}>
            <Icon name="clip" size={13} />
            <span class="visually-hidden">{counted(attachments, 'attachment')}</span>
          </span>
        )}
        <When at={received} />
      </span>
      <span class="subject one-line">{subject || 'no subject'}</span>
      <span class="preview one-line">{preview}</span>
    </a>
  );
}
