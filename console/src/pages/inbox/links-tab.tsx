// Whether the links of a message lead somewhere: asked when somebody wants it, since who wrote it can notice.

import { useState } from 'preact/hooks';
import { type AnswerOf, call } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { Button } from '../../components/page.tsx';
import { Empty } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { counted } from '../../format.ts';
import type { TabProps } from '../../mail/mail.ts';
import { attempt } from '../../toasts.ts';

type Check = AnswerOf<'mailCheckLinks'>;
type Link = Check['links'][number];

export function LinksTab({ mail: { mailbox, id } }: TabProps) {
  const [check, setCheck] = useState<Check>();
  const [isBusy, setBusy] = useState(false);
  const ask = async () => {
    setBusy(true);
    await attempt(async () => {
      setCheck(await call('mailCheckLinks', { address: mailbox, id }));
      return undefined;
    });
    setBusy(false);
  };
  const button = (
    <Button
      kind={check === undefined ? 'primary' : 'plain'}
      disabled={isBusy}
      onClick={() => void ask()}
    >
      {isBusy && <span class="spinner" />}
      {check === undefined ? 'Check the links' : 'Check again'}
    </Button>
  );
  if (check === undefined)
    return (
      <Empty icon="link" title="The links were not asked">
        <p>
          Each link and picture is asked for once, from this machine, with no cookies. A link may do
          something when it is followed, such as unsubscribe somebody. Private addresses are not
          asked, but with <code>dev --private-links</code>.
        </p>
        {button}
      </Empty>
    );
  return <Result check={check} button={button} />;
}

interface ResultProps {
  readonly check: Check;
  readonly button: preact.ComponentChildren;
}

function Result({ check: { links, more }, button }: ResultProps) {
  if (links.length === 0)
    return (
      <Empty icon="link" title="It has no links">
        <p>Neither its HTML nor its text leads anywhere on the web.</p>
      </Empty>
    );
  const bad = links.filter((link) => toneOf(link) !== 'good').length;
  return (
    <div class="stack">
      <div class="row spread">
        <p class="soft" role="status">
          {counted(links.length, 'link')}
          {bad === 0 ? ', all of them lead somewhere.' : `, ${bad} to look at.`}
          {more && ' There are more, or one is too long: these are the first.'}
        </p>
        {button}
      </div>
      <Table caption="Links" rows={links} columns={columns} keyOf={({ url }) => url} plain />
    </div>
  );
}

const toneOf = ({ status }: Link) =>
  status >= 200 && status < 400 ? 'good' : status === 451 ? 'wait' : 'bad';

const columns: readonly Column<Link>[] = [
  {
    name: 'Link',
    kind: 'text',
    cell: ({ url, kind, redirects }) => (
      <>
        <a href={url} target="_blank" rel="noopener noreferrer">
          {url}
        </a>
        {kind !== 'link' && <span class="sub">{kind}</span>}
        {redirects.map((to) => (
          <span key={to} class="sub">
            leads on to {to}
          </span>
        ))}
      </>
    ),
  },
  {
    name: 'Answer',
    cell: (link) => (
      <Badge tone={toneOf(link)}>
        {link.status === 0 || link.status === 451 ? link.words : `${link.status} ${link.words}`}
      </Badge>
    ),
  },
];
