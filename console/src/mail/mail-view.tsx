// One message: who, what, and what can be done with it; below, the message itself, shown in one way or another.

import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { Answered } from '../components/answered.tsx';
import { Facts } from '../components/facts.tsx';
import { Icon } from '../components/icon.tsx';
import { When } from '../components/time.tsx';
import { useAnswer } from '../use-answer.ts';
import { Attachments } from './attachments.tsx';
import type { Mail } from './mail.ts';

interface MailViewProps {
  readonly at: string;
  readonly read: (signal: AbortSignal) => Promise<Mail>;
  readonly markRead: () => Promise<unknown>;
  /** It is marked as read now. */
  readonly onRead: () => void;
  readonly listPath: string;
  /** Buttons. */
  readonly actions: (mail: Mail) => ComponentChildren;
  readonly children: (mail: Mail) => ComponentChildren;
}

/** Needs a `key`: another message is another view. */
export function MailView(props: MailViewProps) {
  const { at, read, markRead, onRead, listPath, actions, children } = props;
  const answer = useAnswer(at, read);
  const isUnread = answer.data?.seen === false;
  useEffect(() => {
    if (isUnread) markRead().then(onRead, () => {});
  }, [isUnread]);
  return (
    <section class="reading" aria-label="Message">
      <a class="back button plain small" href={listPath}>
        <Icon name="back" size={14} />
        All messages
      </a>
      <Answered answer={answer} waiting="Opening the message">
        {(mail) => (
          <article class="opened">
            <header>
              <div class="row spread">
                <h1 dir="auto">{mail.subject || 'no subject'}</h1>
                <div class="actions">{actions(mail)}</div>
              </div>
              <Envelope mail={mail} />
            </header>
            <Attachments mail={mail} at={at} />
            {children(mail)}
          </article>
        )}
      </Answered>
    </section>
  );
}

function Envelope({ mail }: { readonly mail: Mail }) {
  const people = [
    ['To', mail.to],
    ['Cc', mail.cc],
    ['Bcc', mail.bcc],
    ['Reply to', mail.replyTo],
  ] as const;
  return (
    <Facts
      of={[
        ['From', mail.from.length > 0 ? <Names of={mail.from} /> : 'nobody'],
        ...people.map(([name, list]) => list.length > 0 && ([name, <Names of={list} />] as const)),
        [
          'Received',
          <>
            <When at={mail.received} full /> for {mail.mailbox}
          </>,
        ],
      ]}
    />
  );
}

/** Each by itself: a name that is written from right to left leaves addresses beside it as they are. */
const Names = ({ of }: { readonly of: Mail['from'] }) => (
  <>
    {of.map(({ name, address }, at) => (
      <>
        {at > 0 && ', '}
        {name !== '' && <bdi>{name}</bdi>} <bdi>{name === '' ? address : `<${address}>`}</bdi>
      </>
    ))}
  </>
);
