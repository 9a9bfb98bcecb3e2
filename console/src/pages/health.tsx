// Whether others find this server, can prove its mail, and reach it encrypted.

import { call } from '../api.ts';
import { PageHead, Panel } from '../components/page.tsx';
import { Problem, Waiting } from '../components/states.tsx';
import { useAnswer } from '../use-answer.ts';

export function Page() {
  return (
    <>
      <PageHead
        title="DNS and TLS"
        about="Whether others find this server, can prove its mail, and reach it encrypted"
      />
      <Certificates />
    </>
  );
}

function Certificates() {
  const { data, error, loading, reload } = useAnswer('certificates', (signal) =>
    call('certificateList', {}, signal),
  );
  if (error !== undefined) return <Problem text={error} retry={reload} />;
  if (loading || data === undefined) return <Waiting what="Asking for certificates" />;
  return (
    <Panel title="Certificates of authorities" about="Obtained and renewed by ACME">
      {data.length === 0 ? (
        <p class="faint">
          None: <code>tls.acme</code> in the configuration lets the server obtain certificates by
          itself.
        </p>
      ) : (
        <ul class="list">
          {data.map((one) => (
            <li key={one.names.join(' ')}>{one.names.join(', ')}</li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
