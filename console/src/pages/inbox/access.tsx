// How a program reads the inbox that is listed: servers, user and password, to be copied.

import { useState } from 'preact/hooks';
import { type AnswerOf, call } from '../../api.ts';
import { Answered } from '../../components/answered.tsx';
import { Code } from '../../components/code.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Facts } from '../../components/facts.tsx';
import { Icon } from '../../components/icon.tsx';
import { Button } from '../../components/page.tsx';
import { useAnswer } from '../../use-answer.ts';

export function Access({ address }: { readonly address: string }) {
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <button
        type="button"
        class="button plain icon-only"
        aria-label={`How programs read the inbox of ${address}`}
        title="IMAP and POP3"
        onClick={() => setAsked(true)}
      >
        <Icon name="key" />
      </button>
      {isAsked && (
        <Dialog title="Read it by IMAP or POP3" onClose={() => setAsked(false)}>
          <Shown address={address} />
          <footer class="actions">
            <Button onClick={() => setAsked(false)}>Close</Button>
          </footer>
        </Dialog>
      )}
    </>
  );
}

type Known = AnswerOf<'mailAccess'>;

function Shown({ address }: { readonly address: string }) {
  const answer = useAnswer(`access ${address}`, (signal) =>
    call('mailAccess', { address }, signal),
  );
  return (
    <Answered answer={answer} waiting="Asking for it">
      {(known) => (
        <>
          <Facts
            of={[
              ...known.servers.map(
                ({ service, port, tls }) =>
                  [service.toUpperCase(), `${hostOf(known)}, port ${port}, ${ways[tls]}`] as const,
              ),
              ['User', <Code text={known.user} what="the user" />],
              [
                'Password',
                known.password === null ? (
                  'any'
                ) : (
                  <Code text={known.password} what="the password" />
                ),
              ],
            ]}
          />
          <p class="soft small">
            {known.password === null ? (
              <>
                Whoever can connect reads it; <code>dev --inboxes</code> gives inboxes passwords of
                their own.
              </>
            ) : (
              <>
                It is the one of the file that <code>--inboxes</code> names. It sends mail into this
                inbox, too.
              </>
            )}
          </p>
        </>
      )}
    </Answered>
  );
}

const ways = { none: 'in the clear', starttls: 'STARTTLS', implicit: 'TLS' } as const;

/** Where everything is listened to, it is reached as this page was. */
const hostOf = ({ servers }: Known): string => {
  const host = servers[0]?.host ?? '';
  return host === '0.0.0.0' || host === '::' ? location.hostname : host;
};
