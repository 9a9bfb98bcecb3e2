// The message that is open, in all the ways in which it can be looked at.

import { call } from '../../api.ts';
import { Icon } from '../../components/icon.tsx';
import { Button } from '../../components/page.tsx';
import { MailTabs } from '../../mail/mail-tabs.tsx';
import { MailView } from '../../mail/mail-view.tsx';
import { navigate } from '../../router.ts';
import { attempt } from '../../toasts.ts';
import { listPath } from './paths.ts';

interface OpenMailProps {
  readonly mailbox: string;
  readonly id: string;
  readonly onChanged: () => void;
}

export function OpenMail({ mailbox, id, onChanged }: OpenMailProps) {
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
      actions={({ messageId }) => (
        <>
          {messageId !== '' && (
            <a class="button small" href={`/messages/${encodeURIComponent(messageId)}`}>
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
      {(mail) => <MailTabs mail={mail} at={at} />}
    </MailView>
  );
}
