// What happens now: the log as it is written, and the connections that are open.

import { PageHead } from '../components/page.tsx';
import { Segments } from '../components/segments.tsx';
import { query, setQuery } from '../router.ts';
import { LiveLog } from './log/live-log.tsx';
import { Sessions } from './log/sessions.tsx';

const shows = [
  ['log', 'Log'],
  ['sessions', 'Sessions'],
] as const;

export function Page() {
  const show = query.value.get('show') === 'sessions' ? 'sessions' : 'log';
  return (
    <>
      <PageHead
        title={show === 'log' ? 'Log' : 'Sessions'}
        about={show === 'log' ? 'What happens, as it happens' : 'Connections that are open now'}
      >
        <Segments
          label="Show"
          value={show}
          options={shows}
          onChange={(next) => setQuery({ show: next === 'log' ? undefined : next, q: undefined })}
        />
      </PageHead>
      {show === 'log' ? <LiveLog /> : <Sessions />}
    </>
  );
}
