// The message of one's own that is open, as it was meant to be read, and what can be done with it.

import { Icon } from '../../components/icon.tsx';
import { Button } from '../../components/page.tsx';
import { HtmlTab } from '../../mail/html-tab.tsx';
import { MailView } from '../../mail/mail-view.tsx';
import { TextTab } from '../../mail/text-tab.tsx';
import { navigate } from '../../router.ts';
import { attempt } from '../../toasts.ts';
import { own } from './own-api.ts';
import { ownMailPath } from './own-path.ts';

interface OpenOwnMailProps {
  readonly id: string;
  /** It is marked as read now. */
  readonly onRead: () => void;
}

export function OpenOwnMail({ id, onRead }: OpenOwnMailProps) {
  const at = `/postrider/account/mail/${encodeURIComponent(id)}`;
  return (
    <MailView
      at={at}
      read={(signal) => own('mailRead', { id }, signal)}
      markRead={() => own('mailFlag', { ids: [id], add: ['seen'] })}
      onRead={onRead}
      listPath={ownMailPath()}
      actions={({ folder }) => <Actions id={id} folder={folder} />}
    >
      {(mail) => (
        <div class="tab-panel">
          {mail.html ? <HtmlTab mail={mail} at={at} /> : <TextTab mail={mail} at={at} />}
        </div>
      )}
    </MailView>
  );
}

function Actions({ id, folder }: { readonly id: string; readonly folder: string }) {
  const away = (work: () => Promise<unknown>, done: string) =>
    void attempt(async () => {
      await work();
      navigate(ownMailPath());
      return done;
    });
  const markUnread = () => own('mailFlag', { ids: [id], remove: ['seen'] });
  const remove = () => own('mailDelete', { ids: [id] });
  return (
    <>
      <a class="button small" href={`/account/write?answers=${encodeURIComponent(id)}`}>
        <Icon name="reply" size={14} />
        Reply
      </a>
      <Button small onClick={() => away(markUnread, 'Unread')}>
        Mark as unread
      </Button>
      <Button
        small
        icon="trash"
        onClick={() => away(remove, folder === 'Trash' ? 'Deleted for good' : 'In the trash')}
      >
        Delete
      </Button>
    </>
  );
}
