// What the DNS says now, compared with what it should: what is wrong first.

import type { AnswerOf } from '../../api.ts';
import { call } from '../../api.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Markdown } from '../../components/markdown.tsx';
import { Button, Panel } from '../../components/page.tsx';
import { Problem, Waiting } from '../../components/states.tsx';
import { When } from '../../components/time.tsx';
import { counted } from '../../format.ts';
import { useAnswer } from '../../use-answer.ts';

type Finding = AnswerOf<'dnsCheck'>['findings'][number];

const states = ['failure', 'warning', 'ok'] as const;
const tones: Readonly<Record<Finding['state'], { readonly tone: Tone; readonly word: string }>> = {
  failure: { tone: 'bad', word: 'wrong' },
  warning: { tone: 'wait', word: 'doubtful' },
  ok: { tone: 'good', word: 'right' },
};

export function DnsCheck() {
  const { data, error, loading, reload } = useAnswer('dns check', (signal) =>
    call('dnsCheck', {}, signal),
  );
  const of = (state: Finding['state']) =>
    (data?.findings ?? []).filter((finding) => finding.state === state);
  return (
    <Panel
      title="What the DNS says"
      about={
        data === undefined ? (
          'As others see it'
        ) : (
          <>
            {counted(of('failure').length, 'failure')}, {counted(of('warning').length, 'warning')},
            asked at <When at={data.at} />
          </>
        )
      }
      aside={
        <Button small icon="retry" onClick={reload}>
          Check again
        </Button>
      }
      bare
    >
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading && <Waiting what="Asking the DNS; this takes a few seconds" />}
      <ul class="findings">
        {states.flatMap(of).map((finding) => (
          <li key={finding.text}>
            <Badge tone={tones[finding.state].tone}>{tones[finding.state].word}</Badge>
            <span class="break">
              <Markdown text={finding.text} />
              {finding.path !== '' && <code class="faint"> {finding.path}</code>}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
