// What is done with an account's mail when it comes, as its owner has set it.

import { rulesText } from '../../../../src/policy/rules/rule-text.ts';
import { call } from '../../api.ts';
import { Answered } from '../../components/answered.tsx';
import { Panel } from '../../components/page.tsx';
import { useAnswer } from '../../use-answer.ts';

export function AccountRules({ address }: { readonly address: string }) {
  const rules = useAnswer(`rules ${address}`, (signal) =>
    call('accountRules', { address }, signal),
  );
  return (
    <Panel title="Rules" about="Filters, forwarding and vacation answers; their owner changes them">
      <Answered answer={rules} waiting="Asking for the rules">
        {(found) => {
          const lines = rulesText(found);
          if (lines.length === 0) return <p class="faint">None: mail goes into the inbox.</p>;
          return (
            <ul class="list">
              {lines.map((line) => (
                <li key={line} class="break">
                  {line}
                </li>
              ))}
            </ul>
          );
        }}
      </Answered>
    </Panel>
  );
}
