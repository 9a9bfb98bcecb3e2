// Who changed what, by whatever way: console, programs, command line.

import { call } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { More } from '../../components/more.tsx';
import { Panel } from '../../components/page.tsx';
import { Empty, Problem, Waiting } from '../../components/states.tsx';
import { When } from '../../components/time.tsx';
import { usePages } from '../../use-pages.ts';

export function Audit() {
  const pages = usePages('audit', async (after, signal) => {
    const { entries, next } = await call(
      'auditList',
      { limit: 100, ...(after !== undefined && { after }) },
      signal,
    );
    return { items: entries, next };
  });
  if (pages.error !== undefined && pages.items.length === 0)
    return <Problem text={pages.error} retry={pages.reload} />;
  if (pages.loading) return <Waiting what="Reading the record" />;
  return (
    <Panel title="Audit log" about="Who changed what, the latest first" bare>
      {pages.items.length === 0 ? (
        <Empty icon="shield" title="Nothing was changed yet">
          <p>
            Whatever anybody changes in the console, by a token or on the command line is written
            down here.
          </p>
        </Empty>
      ) : (
        <table class="table stacks">
          <caption class="visually-hidden">Changes, the latest first</caption>
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">Who</th>
              <th scope="col">Outcome</th>
              <th scope="col" class="number">
                When
              </th>
            </tr>
          </thead>
          <tbody>
            {pages.items.map(({ at, who, client, what, input, outcome }, i) => (
              <tr key={`${at} ${i}`}>
                <td class="lead break">
                  <strong>{what}</strong>
                  {input !== '{}' && <span class="sub mono">{input}</span>}
                </td>
                <td data-label="Who" class="break">
                  {who}
                  {client !== '' && <span class="sub">{client}</span>}
                </td>
                <td data-label="Outcome" class="break">
                  <Badge tone={outcome === 'done' ? 'good' : 'bad'}>{outcome}</Badge>
                </td>
                <td data-label="When" class="number">
                  <When at={at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <More pages={pages} />
    </Panel>
  );
}
