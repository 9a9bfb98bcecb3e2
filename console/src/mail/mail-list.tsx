// Messages, newest first, and a search through them: the list at the side of the message that is read.

import type { ComponentChildren } from 'preact';
import type { AnswerOf } from '../api.ts';
import { Answered } from '../components/answered.tsx';
import { Search } from '../components/filters.tsx';
import { Icon, type IconName } from '../components/icon.tsx';
import { More } from '../components/list.tsx';
import { When } from '../components/time.tsx';
import { counted, number } from '../format.ts';
import { words } from '../router.ts';
import type { Mails } from './use-mails.ts';

export type MailLine = AnswerOf<'mailSearch'>['messages'][number];

interface MailListProps {
  readonly mails: Mails;
  readonly openId: string | undefined;
  readonly pathOf: (mail: MailLine) => string;
  /** Whose it is stands in each line: they are of several. */
  readonly isOfSeveral?: boolean;
  readonly hint?: string;
  /** What is said where there is none. */
  readonly none: string;
  /** A choice among lists, above the search. */
  readonly children: ComponentChildren;
}

export function MailList(props: MailListProps) {
  const { mails, openId, pathOf, isOfSeveral = false, hint, none, children } = props;
  const { data } = mails;
  return (
    <section class="mails" aria-label="Messages">
      <header>
        {children}
        <Search label="Search mail" {...(hint !== undefined && { hint })} />
        <p class="faint small" role="status">
          {data === undefined
            ? '\u00a0'
            : `${counted(data.total, 'message')}, ${number(data.unread)} unread`}
        </p>
      </header>
      <Answered answer={mails} waiting="Looking for mail">
        {({ messages }) => (
          <>
            {messages.length === 0 && (
              <p class="none faint">{words.value === '' ? none : 'No message fits.'}</p>
            )}
            <ol>
              {messages.map((mail) => (
                <li key={mail.id}>
                  <Line
                    mail={mail}
                    path={pathOf(mail)}
                    isOpen={mail.id === openId}
                    showsWhose={isOfSeveral}
                  />
                </li>
              ))}
            </ol>
          </>
        )}
      </Answered>
      <More of={mails} />
    </section>
  );
}

interface LineProps {
  readonly mail: MailLine;
  readonly path: string;
  readonly isOpen: boolean;
  readonly showsWhose: boolean;
}

function Line({ mail, path, isOpen, showsWhose }: LineProps) {
  const { mailbox, from, subject, preview, received, seen, answered, attachments, tags } = mail;
  const [sender] = from;
  return (
    <a
      class="mail-line"
      data-row
      data-unread={!seen}
      href={path}
      aria-current={isOpen ? 'true' : undefined}
    >
      <span class="first">
        <span class="who one-line">
          {!seen && <span class="visually-hidden">unread, </span>}
          <bdi>{sender === undefined ? 'no sender' : sender.name || sender.address}</bdi>
        </span>
        {answered && <Sign icon="reply" title="answered" />}
        {attachments > 0 && <Sign icon="clip" title={counted(attachments, 'attachment')} />}
        <When at={received} />
      </span>
      <span class="subject one-line">
        <bdi>{subject || 'no subject'}</bdi>
      </span>
      <span class="preview one-line">
        {showsWhose && `to ${mailbox}${preview === '' ? '' : ' · '}`}
        <bdi>{preview}</bdi>
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

const Sign = ({ icon, title }: { readonly icon: IconName; readonly title: string }) => (
  <span title={title}>
    <Icon name={icon} size={13} />
    <span class="visually-hidden">{title}</span>
  </span>
);
