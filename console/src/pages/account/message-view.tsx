// One message of one's own: who, what, and what can be done with it.

import { useEffect } from 'preact/hooks';
import { Icon } from '../../components/icon.tsx';
import { Button } from '../../components/page.tsx';
import { Problem, Waiting } from '../../components/states.tsx';
import { navigate } from '../../router.ts';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';
import { Attachments } from '../inbox/attachments.tsx';
import { HtmlTab } from '../inbox/html-tab.tsx';
import { Envelope, type Mail } from '../inbox/mail-view.tsx';
import { TextTab } from '../inbox/text-tab.tsx';
import { own } from './own-api.ts';
import { ownMailPath } from './own-path.ts';

interface MessageViewProps {
  readonly id: string;
  /** It is marked as read now. */
  readonly onRead: () => void;
}

export function MessageView({ id, onRead }: MessageViewProps) {
  const { data, error, loading, reload } = useAnswer(`own ${id}`, (signal) =>
    own('mailRead', { id }, signal),
  );
  const isUnread = data?.seen === false;
  useEffect(() => {
    if (isUnread) own('mailFlag', { ids: [id], add: ['seen'] }).then(onRead, () => {});
  }, [isUnread, id, onRead]);
  return (
    <section class="reading" aria-label="Message">
      <a class="back button plain small" href={ownMailPath()}>
        <Icon name="back" size={14} />
        All messages
      </a>
      {loading && <Waiting what="Opening the message" />}
      {error !== undefined && <Problem text={error} retry={reload} />}
      {data !== undefined && <Opened mail={data} />}
    </section>
  );
}

function Opened({ mail }: { readonly mail: Mail }) {
  const { id } = mail;
  const away = (work: () => Promise<unknown>, done: string) =>
    void attempt(async () => {
      await work();
      navigate(ownMailPath());
      return done;
    });
  return (
    <article class="opened">
      <header>
        <div class="row spread">
          <h1 class="break">{mail.subject || 'no subject'}</h1>
          <div class="actions">
            <a class="button small" href={`/account/write?answers=${encodeURIComponent(id)}`}>
              <Icon name="reply" size={14} />
              Reply
            </a>
            <Button
              small
              onClick={() => away(() => own('mailFlag', { ids: [id], remove: ['seen'] }), 'Unread')}
            >
              Mark as unread
            </Button>
            <Button
              small
              icon="trash"
              onClick={() =>
                away(
                  () => own('mailDelete', { ids: [id] }),
                  mail.folder === 'Trash' ? 'Deleted for good' : 'In the trash',
                )
              }
            >
              Delete
            </Button>
          </div>
        </div>
        <Envelope mail={mail} />
      </header>
      <Attachments mail={mail} />
      <div class="tab-panel">{mail.html ? <HtmlTab mail={mail} /> : <TextTab mail={mail} />}</div>
    </article>
  );
}
