// Writing a message, or an answer to one.

import { Answered } from '../../components/answered.tsx';
import { ChoiceField, Form, LongTextField, said, TextField } from '../../components/form.tsx';
import { PageHead, Panel } from '../../components/page.tsx';
import { navigate, query } from '../../router.ts';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';
import { type OwnAnswer, own } from './own-api.ts';

type AnsweredMail = OwnAnswer<'mailRead'> | undefined;

export function WritePage() {
  const answers = query.value.get('answers') ?? undefined;
  const start = useAnswer(`write ${answers}`, async (signal) => ({
    me: await own('me', {}, signal),
    answered: answers === undefined ? undefined : await own('mailRead', { id: answers }, signal),
  }));
  return (
    <>
      <PageHead title={answers === undefined ? 'New message' : 'Reply'} />
      <Answered answer={start} waiting="Getting the message">
        {({ me, answered }) => <WriteForm addresses={me.addresses} answered={answered} />}
      </Answered>
    </>
  );
}

interface WriteFormProps {
  readonly addresses: readonly string[];
  readonly answered: AnsweredMail;
}

function WriteForm({ addresses, answered }: WriteFormProps) {
  const send = async (given: FormData) => {
    const isDone = await attempt(async () => {
      const { rejected } = await own('send', await messageOf(given, answered));
      const refused = rejected.map(({ address, reply }) => `${address}: ${reply}`).join('; ');
      return refused === '' ? 'Sent' : `Sent, but not to ${refused}`;
    });
    if (isDone) navigate('/account/mail');
  };
  const quoted = answered === undefined ? '' : `\n\n${quote(answered)}`;
  return (
    <Panel>
      <Form submit="Send" onSubmit={send}>
        <ChoiceField label="From" name="from" options={addresses.map((one) => [one, one])} />
        <TextField label="To" name="to" required defaultValue={replyTo(answered)} />
        <TextField label="Cc" name="cc" />
        <TextField label="Subject" name="subject" defaultValue={replySubject(answered)} />
        <LongTextField label="Text" name="text" rows={14} defaultValue={quoted} />
        <TextField label="Files" type="file" name="files" multiple />
      </Form>
    </Panel>
  );
}

async function messageOf(given: FormData, answered: AnsweredMail) {
  const [from, to, cc, subject, text] = ['from', 'to', 'cc', 'subject', 'text'].map((name) =>
    said(given, name),
  ) as [string, string, string, string, string];
  return {
    ...{ from, to, subject, text },
    ...(cc !== '' && { cc }),
    attachments: await filesOf(given.getAll('files')),
    ...(answered !== undefined && { answers: answered.id }),
  };
}

const replyTo = (mail: AnsweredMail): string =>
  (mail === undefined ? [] : mail.replyTo.length > 0 ? mail.replyTo : mail.from)
    .map(({ address }) => address)
    .join(', ');

const replySubject = (mail: AnsweredMail): string =>
  mail === undefined ? '' : /^re:/i.test(mail.subject) ? mail.subject : `Re: ${mail.subject}`;

const quote = ({ from, text }: NonNullable<AnsweredMail>): string =>
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
