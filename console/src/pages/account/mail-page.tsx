// One's own mail: a list at the side, the message beside it; on a phone one after the other.

import { Empty } from '../../components/states.tsx';
import { number } from '../../format.ts';
import { MailList } from '../../mail/mail-list.tsx';
import { useMails } from '../../mail/use-mails.ts';
import { parts, query, setQuery } from '../../router.ts';
import { useAnswer } from '../../use-answer.ts';
import { OpenOwnMail } from './open-own-mail.tsx';
import { own } from './own-api.ts';
import { ownMailPath } from './own-path.ts';

const lookMs = 15_000;

export function MailPage() {
  const [, , id] = parts.value;
  const folder = query.value.get('folder') ?? 'INBOX';
  const mails = useMails(
    folder,
    (asked, signal) => own('mailSearch', { ...asked, folder }, signal),
    { everyMs: lookMs },
  );
  return (
    <div class="inbox" data-open={id !== undefined}>
      {id === undefined && <h1 class="visually-hidden">Mail</h1>}
      <MailList
        mails={mails}
        openId={id}
        pathOf={(mail) => ownMailPath(mail.id)}
        none="Nothing is in here."
      >
        <FolderChoice folder={folder} />
      </MailList>
      {id === undefined ? (
        <section class="reading" aria-label="Message">
          <Empty icon="mail" title="No message is open">
            <p>Choose one in the list.</p>
          </Empty>
        </section>
      ) : (
        <OpenOwnMail key={id} id={id} onRead={mails.reload} />
      )}
    </div>
  );
}

function FolderChoice({ folder }: { readonly folder: string }) {
  const folders = useAnswer('folders', (signal) => own('folders', {}, signal), { everyMs: lookMs });
  const known = folders.data ?? [];
  const isKnown = known.some(({ path }) => path === folder);
  const shown = isKnown ? known : [{ path: folder, unread: 0 }, ...known];
  return (
    <select
      class="select"
      aria-label="Folder"
      value={folder}
      onChange={(event) => setQuery({ folder: event.currentTarget.value })}
    >
      {shown.map(({ path, unread }) => (
        <option key={path} value={path}>
          {path === 'INBOX' ? 'Inbox' : path} {unread > 0 && `(${number(unread)})`}
        </option>
      ))}
    </select>
  );
}
