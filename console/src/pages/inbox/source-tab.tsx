// A message as it came.

import { ask } from '../../api.ts';
import { Code } from '../../components/code.tsx';
import { Icon } from '../../components/icon.tsx';
import { Problem, Waiting } from '../../components/states.tsx';
import { bytes } from '../../format.ts';
import { useAnswer } from '../../use-answer.ts';
import type { TabProps } from './mail-view.tsx';
import { sourceUrl } from './paths.ts';

/** Limit: octets that a browser shows without a long wait. */
const shownMax = 2 * 2 ** 20;

export function SourceTab({ mail: { mailbox, id, size } }: TabProps) {
  return (
    <div class="stack">
      <p class="row spread">
        <span class="faint">{bytes(size)}</span>
        <a class="button small" href={`${sourceUrl(mailbox, id)}?download=1`}>
          <Icon name="download" size={14} />
          Download .eml
        </a>
      </p>
      {size > shownMax ? (
        <p class="faint">It is too large to be shown here.</p>
      ) : (
        <Source mailbox={mailbox} id={id} />
      )}
    </div>
  );
}

function Source({ mailbox, id }: { readonly mailbox: string; readonly id: string }) {
  const { data, error, reload } = useAnswer(sourceUrl(mailbox, id), async (signal) =>
    (await ask(sourceUrl(mailbox, id), { signal })).text(),
  );
  if (error !== undefined) return <Problem text={error} retry={reload} />;
  if (data === undefined) return <Waiting what="Reading the source" />;
  return <Code text={data} what="the source" wraps />;
}
