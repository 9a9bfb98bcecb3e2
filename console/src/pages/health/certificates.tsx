// Certificates: when the first of them ends, and what an authority gave or refused.

import { call } from '../../api.ts';
import { Badge } from '../../components/badge.tsx';
import { Panel } from '../../components/page.tsx';
import { Problem } from '../../components/states.tsx';
import { Ago, When } from '../../components/time.tsx';
import { duration } from '../../format.ts';
import { useAnswer } from '../../use-answer.ts';

const soonMs = 14 * 86_400_000;

export function Certificates() {
  const metrics = useAnswer('metrics', (signal) => call('metrics', {}, signal));
  const obtained = useAnswer('certificates', (signal) => call('certificateList', {}, signal));
  const error = metrics.error ?? obtained.error;
  return (
    <Panel title="Certificates" about="What is shown to those who connect by TLS">
      {error !== undefined && (
        <Problem text={error} retry={() => [metrics.reload(), obtained.reload()]} />
      )}
      <div class="stack">
        {metrics.data !== undefined && <Ends at={endOf(metrics.data)} />}
        {obtained.data?.length === 0 && (
          <p class="faint">
            None is by an authority that this server asks itself: <code>tls.acme</code> in the
            configuration lets it obtain and renew them.
          </p>
        )}
        {obtained.data !== undefined && obtained.data.length > 0 && (
          <ul class="list">
            {obtained.data.map(({ names, certificate, renewAt, failure }) => (
              <li key={names.join(' ')}>
                <span class="break">
                  {names.join(', ')}
                  {failure !== null && (
                    <span class="sub">
                      {failure.reason}; tried again <Ago at={failure.until} />
                    </span>
                  )}
                </span>
                {failure !== null ? (
                  <Badge tone="bad">not obtained</Badge>
                ) : (
                  <span class="row">
                    <Badge tone={certificate === null ? 'wait' : 'good'}>
                      {certificate === null ? 'being obtained' : 'obtained'}
                    </Badge>
                    {renewAt !== null && (
                      <span class="faint">
                        renewed <Ago at={renewAt} />
                      </span>
                    )}
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </div>
    </Panel>
  );
}

interface MetricLike {
  readonly name: string;
  readonly samples: readonly object[];
}

/** In milliseconds since 1970; 0 where there is none. */
function endOf(metrics: readonly MetricLike[]): number {
  const found = metrics.find(({ name }) => name === 'certificate_expires_seconds');
  const [sample] = found?.samples ?? [];
  return sample !== undefined && 'value' in sample ? Number(sample.value) * 1000 : 0;
}

function Ends({ at }: { readonly at: number }) {
  if (at === 0)
    return (
      <p class="row">
        <Badge tone="wait" icon="warn">
          no certificate
        </Badge>
        <span>
          TLS is offered nowhere: name one under <code>tls</code> in the configuration.
        </span>
      </p>
    );
  const left = at - Date.now();
  return (
    <p class="row">
      <Badge tone={left < 0 ? 'bad' : left < soonMs ? 'wait' : 'good'}>
        {left < 0 ? 'expired' : `good for ${duration(left)}`}
      </Badge>
      <span>
        The first of them ends on <When at={at} full />.
      </span>
    </p>
  );
}
