// The log, live: the last lines since this page was opened, filtered by words, level and field.

import { useEffect, useRef, useState } from 'preact/hooks';
import { Badge, type Tone } from '../../components/badge.tsx';
import { holds } from '../../components/filter-text.ts';
import { Filter, Filters } from '../../components/filters.tsx';
import { Button, Panel } from '../../components/page.tsx';
import { Empty } from '../../components/states.tsx';
import { isLive, listen } from '../../events.ts';
import { clockTime, counted } from '../../format.ts';
import { query, words } from '../../router.ts';

/** Limit: lines that are kept, and lines that are shown. */
const keptMax = 2000;
const shownMax = 300;
/** A flood is drawn this often, not line by line. */
const drawMs = 200;

interface Line {
  readonly number: number;
  readonly at: number;
  readonly level: string;
  readonly event: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly text: string;
}

const levels: readonly string[] = ['debug', 'info', 'warn', 'error'];
const usualLevel = 'info';
const levelNames = [
  ['debug', 'everything'],
  ['info', 'info and above'],
  ['warn', 'warnings and errors'],
  ['error', 'errors'],
] as const;

export function LiveLog() {
  const text = words.value;
  const least = levels.indexOf(query.value.get('level') ?? usualLevel);
  const [isPaused, setPaused] = useState(false);
  const { lines, clear } = useLines(isPaused);
  const fitting = lines.filter(
    (line) => levels.indexOf(line.level) >= least && holds(text, line.text),
  );
  return (
    <>
      <Filters label="Filter the log" hint="Words, an address, a client, a queue id">
        <Filter label="Level" name="level" options={levelNames} usual={usualLevel} />
        <Button icon={isPaused ? 'play' : 'pause'} onClick={() => setPaused(!isPaused)}>
          {isPaused ? 'Go on' : 'Pause'}
        </Button>
        <Button kind="plain" onClick={clear}>
          Clear
        </Button>
        <span class={`live${isLive.value && !isPaused ? ' on' : ''}`}>
          {isPaused ? 'paused' : isLive.value ? 'live' : 'connecting …'}
        </span>
      </Filters>
      <Panel bare>
        {fitting.length === 0 ? (
          <Empty
            icon="log"
            title={lines.length === 0 ? 'Nothing has happened yet' : 'No line fits'}
          >
            <p>
              {lines.length === 0
                ? 'Lines appear here from now on, as the server writes them. What was written before is where its standard error goes: journalctl, for instance.'
                : `${counted(lines.length, 'line')} came since this page was opened.`}
            </p>
          </Empty>
        ) : (
          <Lines lines={fitting.slice(0, shownMax)} />
        )}
      </Panel>
    </>
  );
}

function useLines(isPaused: boolean) {
  const [lines, setLines] = useState<readonly Line[]>([]);
  const waiting = useRef<Line[]>([]);
  const count = useRef(0);
  const paused = useRef(isPaused);
  paused.current = isPaused;
  useEffect(() => {
    const draw = setInterval(() => {
      if (waiting.current.length === 0 || paused.current) return;
      const fresh = waiting.current.reverse();
      waiting.current = [];
      setLines((last) => [...fresh, ...last].slice(0, keptMax));
    }, drawMs);
    const stop = listen(['log'], (news) => {
      const line = lineOf(news, ++count.current);
      if (line === undefined) return;
      waiting.current.push(line);
      if (waiting.current.length > keptMax) waiting.current.shift();
    });
    return () => {
      clearInterval(draw);
      stop();
    };
  }, []);
  return { lines, clear: () => setLines([]) };
}

const apart: ReadonlySet<string> = new Set(['at', 'time', 'level', 'event']);

function lineOf(data: Readonly<Record<string, unknown>>, number: number): Line | undefined {
  const { event, level } = data;
  if (typeof event !== 'string') return undefined;
  const fields = Object.entries(data)
    .filter(([name, value]) => !apart.has(name) && value !== undefined && value !== null)
    .map(([name, value]) => [name, textOf(value)] as const);
  const at = Date.parse(String(data.at ?? data.time ?? ''));
  const text = [event, ...fields.map(([name, value]) => `${name}=${value}`)].join('\n');
  return {
    ...{ number, event, fields, text, level: String(level ?? 'info') },
    at: Number.isNaN(at) ? Date.now() : at,
  };
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

const tones: ReadonlyMap<string, Tone> = new Map([
  ['warn', 'wait'],
  ['error', 'bad'],
]);

function Lines({ lines }: { readonly lines: readonly Line[] }) {
  return (
    <ol class="lines">
      {lines.map((line) => (
        <li key={line.number}>
          <time>{clockTime(line.at)}</time>
          <span class="what">
            {tones.has(line.level) ? (
              <Badge tone={tones.get(line.level)!} icon="warn">
                {line.event}
              </Badge>
            ) : (
              <strong>{line.event}</strong>
            )}
          </span>
          <span class="rest">
            {line.fields.map(([name, value]) => (
              <Field key={name} name={name} value={value} />
            ))}
          </span>
        </li>
      ))}
    </ol>
  );
}

function Field({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <span class="pair">
      <span class="faint">{name}</span>{' '}
      {name === 'id' ? <a href={`/messages/${encodeURIComponent(value)}`}>{value}</a> : value}
    </span>
  );
}
