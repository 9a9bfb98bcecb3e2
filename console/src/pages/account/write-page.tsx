// Writing a message, or an answer to one.

import { useState } from 'preact/hooks';
import { PageHead, Panel } from '../../components/page.tsx';
import { Problem, Waiting } from '../../components/states.tsx';
import { navigate, query } from '../../router.ts';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';
import { type OwnAnswer, own } from './own-api.ts';

type Answered = OwnAnswer<'mailRead'> | undefined;

export function WritePage() {
  const answers = query.value.get('answers') ?? undefined;
  const { data, error, loading, reload } = useAnswer(`write ${answers}`, async (signal) => ({
    me: await own('me', {}, signal),
    answered: answers === undefined ? undefined : await own('mailRead', { id: answers }, signal),
  }));
  return (
    <>
      <PageHead title={answers === undefined ? 'New message' : 'Reply'} />
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what="Getting the message" />}
      {data !== undefined && <Form addresses={data.me.addresses} answered={data.answered} />}
    </>
  );
}

interface FormProps {
  readonly addresses: readonly string[];
  readonly answered: Answered;
}

function Form({ addresses, answered }: FormProps) {
  const [isBusy, setBusy] = useState(false);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    const said = (name: string) => String(given.get(name) ?? '').trim();
    setBusy(true);
    const isDone = await attempt(async () => {
      const { rejected } = await own('send', {
        ...{ from: said('from'), to: said('to'), subject: said('subject'), text: said('text') },
        ...(said('cc') !== '' && { cc: said('cc') }),
        attachments: await filesOf(given.getAll('files')),
        ...(answered !== undefined && { answers: answered.id }),
      });
      const refused = rejected.map(({ address, reply }) => `${address}: ${reply}`).join('; ');
      return refused === '' ? 'Sent' : `Sent, but not to ${refused}`;
    });
    setBusy(false);
    if (isDone) navigate('/account/mail');
  };
  const quoted = answered === undefined ? '' : `\n\n${quote(answered)}`;
  return (
    <Panel>
      <form class="stack" onSubmit={(event) => void send(event)}>
        <label class="field">
          <span>From</span>
          <select class="select" name="from">
            {addresses.map((address) => (
              <option key={address}>{address}</option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>To</span>
          <input class="input" name="to" required defaultValue={replyTo(answered)} />
        </label>
        <label class="field">
          <span>Cc</span>
          <input class="input" name="cc" />
        </label>
        <label class="field">
          <span>Subject</span>
          <input class="input" name="subject" defaultValue={replySubject(answered)} />
        </label>
        <label class="field">
          <span>Text</span>
          <textarea class="textarea" name="text" rows={14} defaultValue={quoted} />
        </label>
        <label class="field">
          <span>Files</span>
          <input class="input" type="file" name="files" multiple />
        </label>
        <div class="actions">
          <button type="submit" class="button primary" disabled={isBusy}>
            {isBusy && <span class="spinner" />}
            Send
          </button>
        </div>
      </form>
    </Panel>
  );
}

const replyTo = (mail: Answered): string =>
  (mail === undefined ? [] : mail.replyTo.length > 0 ? mail.replyTo : mail.from)
    .map(({ address }) => address)
    .join(', ');

const replySubject = (mail: Answered): string =>
  mail === undefined ? '' : /^re:/i.test(mail.subject) ? mail.subject : `Re: ${mail.subject}`;

const quote = ({ from, text }: NonNullable<Answered>): string =>
  [
    `${from[0]?.name || from[0]?.address || 'Somebody'} wrote:`,
    ...text
      .trimEnd()
      .split('\n')
      .map((line) => `> ${line}`),
  ].join('\n');

/** An empty field of files has one without a name. */
const filesOf = (given: readonly FormDataEntryValue[]) =>
  Promise.all(
    given
      .filter((file): file is File => file instanceof File && file.name !== '')
      .map(async (file) => ({
        filename: file.name,
        ...(file.type !== '' && { contentType: file.type }),
        content: new Uint8Array(await file.arrayBuffer()).toBase64(),
      })),
  );
