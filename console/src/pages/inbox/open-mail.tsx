// The message that is open, in all the ways in which it can be looked at.

import { call } from '../../api.ts';
import { Icon } from '../../components/icon.tsx';
import { Button } from '../../components/page.tsx';
import type { Mail } from '../../mail/mail.ts';
import { MailTabs, type Tab } from '../../mail/mail-tabs.tsx';
import { MailView } from '../../mail/mail-view.tsx';
import { navigate } from '../../router.ts';
import { session } from '../../session.ts';
import { attempt } from '../../toasts.ts';
import { CompatibilityTab } from './compatibility-tab.tsx';
import { LinksTab } from './links-tab.tsx';
import { listPath } from './paths.ts';
import { Release } from './release.tsx';
import { SpamTab } from './spam-tab.tsx';
import { TagEditor } from './tag-editor.tsx';

interface OpenMailProps {
  readonly mailbox: string;
  readonly id: string;
  /** Tags that messages have. */
  readonly tags: readonly string[];
  readonly onChanged: () => void;
}

export function OpenMail({ mailbox, id, tags, onChanged }: OpenMailProps) {
  const at = `/postrider/mail/${encodeURIComponent(mailbox)}/${encodeURIComponent(id)}`;
  const remove = () =>
    void attempt(async () => {
      await call('mailDelete', { address: mailbox, ids: [id] });
      navigate(listPath());
      onChanged();
      return 'The message is deleted';
    });
  return (
    <MailView
      at={at}
      read={(signal) => call('mailRead', { address: mailbox, id }, signal)}
      markRead={() => call('mailFlag', { address: mailbox, ids: [id], add: ['seen'] })}
      onRead={onChanged}
      listPath={listPath()}
      actions={(mail) => (
        <>
          {session.value?.dev === true && <Release mail={mail} />}
          {mail.messageId !== '' && (
            <a class="button small" href={`/messages/${encodeURIComponent(mail.messageId)}`}>
              <Icon name="route" size={14} />
              Story
            </a>
          )}
          <Button small icon="trash" onClick={remove}>
            Delete
          </Button>
        </>
      )}
    >
      {(mail) => (
        <>
          <TagEditor mail={mail} known={tags} onChanged={onChanged} />
          <MailTabs mail={mail} at={at} more={checksOf(mail)} />
        </>
      )}
    </MailView>
  );
}

/** Links are asked in development only, where mail is for looking at. */
const checksOf = ({ html }: Mail): readonly Tab[] => [
  ...(html ? [['compatibility', 'Compatibility', CompatibilityTab] as const] : []),
  ...(session.value?.dev === true ? [['links', 'Links', LinksTab] as const] : []),
  ['spam', 'Spam', SpamTab],
];
