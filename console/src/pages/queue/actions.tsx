// What can be done with mail that waits: with some messages, or with all that a filter holds for.

import { useState } from 'preact/hooks';
import type { AnswerOf, InputOf } from '../../api.ts';
import { call } from '../../api.ts';
import { FormDialog } from '../../components/dialog.tsx';
import { Check, said, TextField } from '../../components/form.tsx';
import { Button } from '../../components/page.tsx';
import { counted } from '../../format.ts';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';

/** Messages by id, or a filter. */
export type Chosen = Pick<InputOf<'queueHold'>, 'ids' | 'filter'>;

interface ActionsProps {
  readonly of: Chosen;
  /** All of it is held, or nothing of it; undefined: who knows. */
  readonly isHeld?: boolean;
  readonly onDone: () => void;
}

type Asked = 'cancel' | 'reroute';

const simple = {
  queueRetry: (count: number) => `${counted(count, 'recipient')} tried again now`,
  queueHold: (count: number) => `${counted(count, 'recipient')} held`,
  queueRelease: (count: number) => `${counted(count, 'recipient')} released`,
} as const;

export function QueueActions({ of, isHeld, onDone }: ActionsProps) {
  const [asked, setAsked] = useState<Asked>();
  const run = (name: keyof typeof simple) =>
    void attempt(async () => simple[name](await call(name, of))).then(onDone);
  const close = () => setAsked(undefined);
  return (
    <>
      <Button icon="retry" kind="primary" onClick={() => run('queueRetry')}>
        Retry now
      </Button>
      {isHeld !== true && (
        <Button icon="pause" onClick={() => run('queueHold')}>
          Hold
        </Button>
      )}
      {isHeld !== false && (
        <Button icon="play" onClick={() => run('queueRelease')}>
          Release
        </Button>
      )}
      <Button icon="route" onClick={() => setAsked('reroute')}>
        Reroute
      </Button>
      <Button icon="trash" kind="danger" onClick={() => setAsked('cancel')}>
        Cancel
      </Button>
      {asked === 'cancel' && <CancelDialog of={of} onDone={onDone} onClose={close} />}
      {asked === 'reroute' && <RerouteDialog of={of} onDone={onDone} onClose={close} />}
    </>
  );
}

interface AskProps extends ActionsProps {
  readonly onClose: () => void;
}

/** How many recipients it is about, before it is done. */
function Concerned({ of }: { readonly of: Chosen }) {
  const { data, error } = useAnswer(JSON.stringify(of), (signal) =>
    call('queueHold', { ...of, dryRun: true }, signal),
  );
  return (
    <p role="status">
      {error ??
        (data === undefined ? 'Counting …' : `This concerns ${counted(data, 'recipient')}.`)}
    </p>
  );
}

function CancelDialog({ of, onDone, onClose }: AskProps) {
  const cancel = (given: FormData) =>
    attempt(async () => {
      const silent = given.get('silent') === 'on';
      const count: AnswerOf<'queueCancel'> = await call('queueCancel', { ...of, silent });
      onDone();
      return `${counted(count, 'recipient')} cancelled${silent ? '' : '; senders are told'}`;
    });
  return (
    <FormDialog
      title="Cancel delivery?"
      submit="Cancel delivery"
      dismiss="Keep it"
      danger
      onSubmit={cancel}
      onClose={onClose}
    >
      <Concerned of={of} />
      <p class="soft">
        The mail leaves the queue and is gone. Its sender gets a bounce, unless you say otherwise.
      </p>
      <Check name="silent" label="Tell nobody" />
    </FormDialog>
  );
}

function RerouteDialog({ of, onDone, onClose }: AskProps) {
  const reroute = (given: FormData) =>
    attempt(async () => {
      const to = said(given, 'to');
      const count = await call('queueReroute', { ...of, ...(to !== '' && { to }) });
      onDone();
      return `${counted(count, 'recipient')} rerouted`;
    });
  return (
    <FormDialog title="Send another way" submit="Reroute" onSubmit={reroute} onClose={onClose}>
      <Concerned of={of} />
      <TextField
        label="Next hop"
        name="to"
        placeholder="relay.example.net:25"
        autoComplete="off"
        hint={
          <>
            A host with a port, or <code>mx:example.net</code> for the MX of a domain. Empty: by the
            routes of the configuration again.
          </>
        }
      />
    </FormDialog>
  );
}
