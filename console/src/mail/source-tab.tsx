// A message as it came.

import { ask } from '../api.ts';
import { Answered } from '../components/answered.tsx';
import { Code } from '../components/code.tsx';
import { Icon } from '../components/icon.tsx';
import { bytes } from '../format.ts';
import { useAnswer } from '../use-answer.ts';
import type { TabProps } from './mail.ts';
import { sourceUrl } from './part-urls.ts';

/** Limit: octets that a browser shows without a long wait. */
const shownMax = 2 * 2 ** 20;

export function SourceTab({ mail: { size }, at }: TabProps) {
  return (
    <div class="stack">
      <p class="row spread">
        <span class="faint">{bytes(size)}</span>
        <a class="button small" href={`${sourceUrl(at)}?download=1`}>
          <Icon name="download" size={14} />
          Download .eml
        </a>
      </p>
      {size > shownMax ? (
        <p class="faint">It is too large to be shown here.</p>
      ) : (
        <Source url={sourceUrl(at)} />
      )}
    </div>
  );
}

function Source({ url }: { readonly url: string }) {
  const source = useAnswer(url, async (signal) => (await ask(url, { signal })).text());
  return (
    <Answered answer={source} waiting="Reading the source">
      {(text) => <Code text={text} what="the source" wraps />}
    </Answered>
  );
}
