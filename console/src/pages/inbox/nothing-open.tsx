// Where no message is open: how to get one, or what to do with those there are.

import { Code } from '../../components/code.tsx';
import { Empty } from '../../components/states.tsx';
import { session } from '../../session.ts';

const usualPort = 1025;

/** As this browser found us, for it may be another machine. */
const exampleFor = (port: number) =>
  `echo 'It works.' | ./bin/postrider send --server ${location.hostname}:${port} \\
  --to ann@example.org --header 'Subject: Hello'`;

export function NothingOpen({ isEmpty }: { readonly isEmpty: boolean }) {
  const smtpPort = session.value?.smtpPort || usualPort;
  if (!isEmpty)
    return (
      <section class="reading" aria-label="Message">
        <Empty icon="mail" title="No message is open">
          <p>
            Choose one in the list. <kbd>j</kbd> and <kbd>k</kbd> walk through it, <kbd>Enter</kbd>{' '}
            opens.
          </p>
        </Empty>
      </section>
    );
  return (
    <section class="reading" aria-label="Message">
      <Empty icon="inbox" title="No mail yet">
        {session.value?.dev === true ? (
          <>
            <p>
              Let your application send to <code>{location.hostname}</code>, port{' '}
              <code>{smtpPort}</code>, with any password or none. Mail for every address is caught
              here, each in an inbox of its own, and nothing leaves this machine. Or try:
            </p>
            <Code text={exampleFor(smtpPort)} what="the example" wraps />
          </>
        ) : (
          <>
            <p>Mail for the accounts of this server appears here once it is delivered.</p>
            <a class="button" href="/accounts">
              Accounts
            </a>
          </>
        )}
      </Empty>
    </section>
  );
}
