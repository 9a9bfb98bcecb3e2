// What mail clients do not show of the HTML: in all, by whose clients, and feature by feature with what is known of it.

import { useState } from 'preact/hooks';
import { type AnswerOf, call } from '../../api.ts';
import { Answered } from '../../components/answered.tsx';
import { Badge } from '../../components/badge.tsx';
import { Icon } from '../../components/icon.tsx';
import { Markdown } from '../../components/markdown.tsx';
import { Empty } from '../../components/states.tsx';
import { bytes, counted } from '../../format.ts';
import type { TabProps } from '../../mail/mail.ts';
import { useAnswer } from '../../use-answer.ts';
import { Shares } from './shares.tsx';

type Check = AnswerOf<'mailCheckHtml'>;
type Warning = Check['warnings'][number];

/** Gmail clips what is longer, with a link to the rest. */
const clippedBytes = 102 * 1024;

export function CompatibilityTab({ mail: { mailbox, id } }: TabProps) {
  const answer = useAnswer(`html-check ${mailbox} ${id}`, (signal) =>
    call('mailCheckHtml', { address: mailbox, id }, signal),
  );
  return (
    <Answered answer={answer} waiting="Comparing with what mail clients can">
      {(check) => <Result check={check} />}
    </Answered>
  );
}

function Result({ check }: { readonly check: Check }) {
  const { warnings, families, total, elements, size, whole, updated } = check;
  const [family, setFamily] = useState('');
  const of = families.find((one) => one.family === family);
  const shown = warnings.filter(
    ({ slug }) => of === undefined || of.unsupported.includes(slug) || of.partial.includes(slug),
  );
  return (
    <div class="stack">
      {size > clippedBytes && (
        <Hint>
          The HTML has {bytes(size)}. Gmail shows the first 102 KB and hides the rest behind a link:
          leave out comments, spaces and styles that nothing needs.
        </Hint>
      )}
      {!whole && <Hint>It is so long that only the first part was looked at.</Hint>}
      {warnings.length === 0 ? (
        <Empty icon="check" title="Every client shows it">
          <p>Of what this message uses there is nothing that a mail client is known not to show.</p>
        </Empty>
      ) : (
        <>
          <Shares of={total} label="Clients that show it" />
          <div class="row spread">
            <p class="soft">
              {counted(warnings.length, 'feature')} of {counted(elements, 'element')} to look at.
            </p>
            <select
              class="select"
              aria-label="Whose clients"
              value={family}
              onChange={(event) => setFamily(event.currentTarget.value)}
            >
              <option value="">All clients</option>
              {families.map((one) => (
                <option key={one.family} value={one.family}>
                  {one.name} ({one.unsupported.length + one.partial.length})
                </option>
              ))}
            </select>
          </div>
          {shown.length === 0 && <p class="faint">{of?.name} shows all of it.</p>}
          <ul class="features">
            {shown.map((warning) => (
              <li key={warning.slug}>
                <Finding warning={warning} of={of?.name} />
              </li>
            ))}
          </ul>
        </>
      )}
      <p class="faint small">
        By the data of{' '}
        <a href="https://www.caniemail.com" target="_blank" rel="noopener noreferrer">
          caniemail.com
        </a>{' '}
        of {updated.slice(0, 10)}. Which elements a rule of a style sheet is about is estimated.
      </p>
    </div>
  );
}

const Hint = ({ children }: { readonly children: preact.ComponentChildren }) => (
  <p class="note">
    <Icon name="info" />
    <span>{children}</span>
  </p>
);

/** `of`: whose clients are looked at. */
function Finding({ warning, of }: { readonly warning: Warning; readonly of: string | undefined }) {
  const { title, description, url, found, shares, clients } = warning;
  const shown = of === undefined ? clients : clients.filter(({ family }) => family === of);
  const notes = [...new Set(shown.flatMap((client) => client.notes))];
  return (
    <details>
      <summary>
        <Icon name="down" size={12} />
        <span class="name break">{title}</span>
        <span class="faint">{found === 1 ? 'once' : `${found} times`}</span>
        <Shares of={shares} small label={`Clients that support ${title}`} />
      </summary>
      <div class="stack">
        {description !== '' && (
          <p>
            <Markdown text={description} />
          </p>
        )}
        {shown.length > 0 && (
          <ul class="clients">
            {shown.map(({ family, platform, version, support }) => (
              <li key={`${family} ${platform}`}>
                <Badge tone={support === 'no' ? 'bad' : 'wait'}>
                  {support === 'no' ? 'not' : 'partly'}
                </Badge>
                <span>
                  {family}{' '}
                  <span class="faint">
                    {platform}, {version}
                  </span>
                </span>
              </li>
            ))}
          </ul>
        )}
        {notes.map((note) => (
          <p key={note} class="soft small">
            <Markdown text={note} />
          </p>
        ))}
        <p class="small">
          {shares.unsupported > 50
            ? 'Most clients leave it out: the message must be right without it.'
            : 'See that the message can be read where it is left out.'}
          {url !== '' && (
            <>
              {' '}
              <a href={url} target="_blank" rel="noopener noreferrer">
                What is known of it
              </a>
            </>
          )}
        </p>
      </div>
    </details>
  );
}
