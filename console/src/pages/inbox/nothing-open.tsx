// Where no message is open: how to get one, or what to do with those there are.

import { Code } from '../../components/code.tsx';
import { Empty } from '../../components/states.tsx';
import { session } from '../../session.ts';

const example = `echo 'It works.' | ./bin/postrider send --server 127.0.0.1:1025 \\
  --to ann@example.org --header 'Subject: Hello'`;

export function NothingOpen({ isEmpty }: { readonly isEmpty: boolean }) {
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
              Let your application send to <code>127.0.0.1</code>, port <code>1025</code>, with any
              password or none. Mail for every address is caught here, each in an inbox of its own,
              and nothing leaves this machine. Or try:
            </p>
            <Code text={example} what="the example" wraps />
          </>
        ) : (
          <p>Mail for the accounts of this server appears here once it is delivered.</p>
        )}
      </Empty>
    </section>
  );
}
