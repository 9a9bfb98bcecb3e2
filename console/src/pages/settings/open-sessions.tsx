// Who is logged in to the console, from where.

import { call } from '../../api.ts';
import { Button, Panel } from '../../components/page.tsx';
import { Problem } from '../../components/states.tsx';
import { Ago } from '../../components/time.tsx';
import { attempt } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';

export function OpenSessions() {
  const { data, error, reload } = useAnswer('web sessions', (signal) =>
    call('webSessionList', {}, signal),
  );
  const end = (id: string, name: string) =>
    void attempt(async () => {
      await call('webSessionEnd', { id });
      return `${name} is logged out there`;
    }).then(reload);
  if (error !== undefined) return <Problem text={error} retry={reload} />;
  if (data === undefined || data.length === 0) return null;
  return (
    <Panel title="Logged in now" bare>
      <table class="table stacks">
        <caption class="visually-hidden">Who is logged in</caption>
        <thead>
          <tr>
            <th scope="col">Who</th>
            <th scope="col">From</th>
            <th scope="col">Last seen</th>
            <th scope="col">
              <span class="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {data.map(({ id, kind, name, client, program, seen }) => (
            <tr key={id}>
              <td class="lead break">
                {name}
                <span class="sub">{kind}</span>
              </td>
              <td data-label="From" class="break">
                {client}
                <span class="sub">{program}</span>
              </td>
              <td data-label="Last seen">
                <Ago at={seen} />
              </td>
              <td class="act">
                <div class="actions end">
                  <Button small onClick={() => end(id, name)}>
                    Log out<span class="visually-hidden"> {name}</span>
                  </Button>
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
