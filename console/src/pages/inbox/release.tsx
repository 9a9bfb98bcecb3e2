// Lets a caught message go to real addresses, by hand, where the catcher was told of a relay.

import { useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { Code } from '../../components/code.tsx';
import { Dialog, FormDialog } from '../../components/dialog.tsx';
import { said, TextField } from '../../components/form.tsx';
import { Button } from '../../components/page.tsx';
import type { Mail } from '../../mail/mail.ts';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';

export function Release({ mail }: { readonly mail: Mail }) {
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <Button small icon="out" onClick={() => setAsked(true)}>
        Release
      </Button>
      {isAsked && <ReleaseDialog mail={mail} onClose={() => setAsked(false)} />}
    </>
  );
}

interface ReleaseDialogProps {
  readonly mail: Mail;
  readonly onClose: () => void;
}

function ReleaseDialog({ mail: { mailbox, id, to }, onClose }: ReleaseDialogProps) {
  const { data, error } = useAnswer(`access ${mailbox}`, (signal) =>
    call('mailAccess', { address: mailbox }, signal),
  );
  const release = (given: FormData) =>
    attempt(async () => {
      const wanted = said(given, 'to')
        .split(/[\s,;]+/)
        .filter(Boolean);
      await call('mailRelease', { address: mailbox, id, to: wanted });
      return `Released to ${wanted.join(', ')}`;
    });
  if (data === undefined)
    return (
      <Dialog title="Release" onClose={onClose}>
        <p>{error ?? 'Asking where messages may go …'}</p>
      </Dialog>
    );
  if (data.relay === null)
    return (
      <Dialog title="Nothing leaves this catcher" onClose={onClose}>
        <p>Name where messages may be released to, and start it again:</p>
        <Code text="./bin/postrider dev --relay smtp.example.com:587" what="the example" wraps />
        <footer class="actions">
          <Button onClick={onClose}>Close</Button>
        </footer>
      </Dialog>
    );
  return (
    <FormDialog
      title="Release to a real address"
      submit="Release"
      onSubmit={release}
      onClose={onClose}
    >
      <p class="soft">
        It goes out by {data.relay}, as it came, without its Bcc. It is the one message that leaves.
      </p>
      <TextField
        label="To"
        name="to"
        required
        autoFocus
        value={to.map(({ address }) => address).join(', ')}
        hint="Addresses, separated by commas."
      />
    </FormDialog>
  );
}
