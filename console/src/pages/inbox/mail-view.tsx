// One message: who, what, and what it is made of, seen in several ways.

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Icon } from '../../components/icon.tsx';
import { Button } from '../../components/page.tsx';
import { Problem, Waiting } from '../../components/states.tsx';
import { When } from '../../components/time.tsx';
import { navigate } from '../../router.ts';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';
import { Attachments } from './attachments.tsx';
import { HeaderTab } from './header-tab.tsx';
import { HtmlTab } from './html-tab.tsx';
import { listPath } from './paths.ts';
import { SourceTab } from './source-tab.tsx';
import { StructureTab } from './structure-tab.tsx';
import { TextTab } from './text-tab.tsx';

export type Mail = AnswerOf<'mailRead'>;
export interface TabProps {
  readonly mail: Mail;
}

interface MailViewProps {
  readonly mailbox: string;
  readonly id: string;
  readonly onChanged: () => void;
}

export function MailView({ mailbox, id, onChanged }: MailViewProps) {
  const { data, error, loading, reload } = useAnswer(`${mailbox} ${id}`, (signal) =>
    call('mailRead', { address: mailbox, id }, signal),
  );
  const isUnread = data?.seen === false;
  useEffect(() => {
    if (!isUnread) return;
    call('mailFlag', { address: mailbox, ids: [id], add: ['seen'] }).then(onChanged, () => {});
  }, [isUnread, mailbox, id, onChanged]);
  return (
    <section class="reading" aria-label="Message">
      <a class="back button plain small" href={listPath()}>
        <Icon name="back" size={14} />
        All messages
      </a>
      {loading && <Waiting what="Opening the message" />}
      {error !== undefined && <Problem text={error} retry={reload} />}
      {data !== undefined && <Opened mail={data} onDeleted={onChanged} />}
    </section>
  );
}

type Tab = readonly [id: string, name: string, Content: ComponentType<TabProps>];

function tabsFor({ html }: Mail): readonly Tab[] {
  return [
    ...(html ? [['html', 'HTML', HtmlTab] as const] : []),
    ['text', 'Text', TextTab],
    ['headers', 'Headers', HeaderTab],
    ['structure', 'Structure', StructureTab],
    ['source', 'Source', SourceTab],
  ];
}

function Opened({ mail, onDeleted }: TabProps & { readonly onDeleted: () => void }) {
  const tabs = tabsFor(mail);
  const [chosen, setChosen] = useState(tabs[0]![0]);
  const [shown, , Content] = tabs.find(([one]) => one === chosen) ?? tabs[0]!;
  const remove = () =>
    void attempt(async () => {
      await call('mailDelete', { address: mail.mailbox, ids: [mail.id] });
      navigate(listPath());
      onDeleted();
      return 'The message is deleted';
    });
  return (
    <article class="opened">
      <header>
        <div class="row spread">
          <h1 class="break">{mail.subject || 'no subject'}</h1>
          <div class="actions">
            {mail.messageId !== '' && (
              <a class="button small" href={`/messages/${encodeURIComponent(mail.messageId)}`}>
                <Icon name="route" size={14} />
                Story
              </a>
            )}
            <Button small icon="trash" onClick={remove}>
              Delete
            </Button>
          </div>
        </div>
        <Envelope mail={mail} />
      </header>
      <Attachments mail={mail} />
      <div class="tabs" role="tablist" aria-label="How it is shown">
        {tabs.map(([one, name]) => (
          <button
            key={one}
            type="button"
            role="tab"
            id={`tab-${one}`}
            class="tab"
            aria-selected={one === shown}
            aria-controls="tab-panel"
            tabIndex={one === shown ? 0 : -1}
            onClick={() => setChosen(one)}
            onKeyDown={(event) => step(event, tabs, shown, setChosen)}
          >
            {name}
          </button>
        ))}
      </div>
      <div class="tab-panel" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${shown}`}>
        <Content mail={mail} />
      </div>
    </article>
  );
}

/** Arrows walk through tabs. */
function step(
  event: KeyboardEvent,
  tabs: readonly Tab[],
  shown: string,
  choose: (id: string) => void,
): void {
  const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
  if (by === 0) return;
  const at = tabs.findIndex(([one]) => one === shown);
  const [next] = tabs[(at + by + tabs.length) % tabs.length]!;
  choose(next);
  document.getElementById(`tab-${next}`)?.focus();
}

export function Envelope({ mail }: TabProps) {
  const rows = [
    ['From', mail.from],
    ['To', mail.to],
    ['Cc', mail.cc],
    ['Bcc', mail.bcc],
    ['Reply to', mail.replyTo],
  ] as const;
  return (
    <dl class="facts">
      {rows
        .filter(([name, list]) => list.length > 0 || name === 'From')
        .map(([name, list]) => (
          <>
            <dt>{name}</dt>
            <dd>{list.length === 0 ? 'nobody' : list.map(nameOf).join(', ')}</dd>
          </>
        ))}
      <dt>Received</dt>
      <dd>
        <When at={mail.received} full /> for {mail.mailbox}
      </dd>
    </dl>
  );
}

const nameOf = ({ name, address }: { readonly name: string; readonly address: string }): string =>
  name === '' ? address : `${name} <${address}>`;
