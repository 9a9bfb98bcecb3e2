// Where log lines go: JSON to stderr through pino, or readable lines when a person looks on. Lines
// are gathered and written together, so that one costs a few microseconds; nothing waits for a slow
// reader of stderr, and when it does not read at all, lines are dropped rather than memory filled, and counted.

import { writeSync } from 'node:fs';
import pino from 'pino';
import type { Fields, Log } from '../base/log.ts';
import type { LogEvent } from '../base/log-events.ts';
import { LogWriter } from './log-writer.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface OperatorLog extends Log {
  /** Takes effect at once: a reload may change it. */
  setLevel(level: LogLevel): void;
  /** Everything so far is written then, unless nobody reads it. For the end of the process. */
  end(): Promise<void>;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  readonly fd?: number;
}

export function createLog({ level, pretty, fd = 2 }: LogOptions): OperatorLog {
  return pretty ? createPrettyLog(level, fd) : createJsonLog(level, fd);
}

/** Lines that are put into words together, at most: the first of them takes longer than those behind it. */
const togetherMax = 32;

interface Line {
  readonly level: LogLevel;
  readonly event: LogEvent;
  readonly fields: Fields | undefined;
  /** In milliseconds since 1970. */
  readonly at: number;
}

function createJsonLog(level: LogLevel, fd: number): OperatorLog {
  let lines: Line[] = [];
  let at = 0;
  const spell = () => {
    const waiting = lines;
    lines = [];
    for (const line of waiting) {
      at = line.at;
      logger[line.level](line.fields, line.event);
    }
  };
  const writer = new LogWriter(fd, { spell, dropped: droppedLine });
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'event',
      timestamp: () => isoTimeField(at),
      formatters: { level: (label) => ({ level: label }) },
    },
    writer,
  );
  const put = (name: LogLevel) => (event: LogEvent, fields?: Fields) => {
    if (!logger.isLevelEnabled(name)) return;
    lines.push({ level: name, event, fields, at: Date.now() });
    if (lines.length >= togetherMax) spell();
    else writer.expect();
  };
  return {
    debug: put('debug'),
    info: put('info'),
    warn: put('warn'),
    error: put('error'),
    setLevel(changed) {
      spell();
      logger.level = changed;
    },
    end: () => writer.end(),
  };
}

/** As any other line, whatever the level. */
function droppedLine(lines: number): string {
  const event: LogEvent = 'log lines dropped';
  const line = { level: 'warn', time: new Date().toISOString(), lines, event };
  return `${JSON.stringify(line)}\n`;
}

let second = -1;
let secondText = '';

/** `,"time":"2026-01-01T12:00:00.123Z"`; a date is formatted once a second only. */
function isoTimeField(now: number): string {
  const current = Math.floor(now / 1000);
  if (current !== second) {
    second = current;
    secondText = new Date(now).toISOString().slice(0, 20);
  }
  const ms = now - current * 1000;
  return `,"time":"${secondText}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z"`;
}

const ranks = { debug: 0, info: 1, warn: 2, error: 3 } as const;
const colours = { debug: '2', info: '36', warn: '33', error: '31' } as const;

/** Few lines, one reader: written at once, so that nothing is missing when we stop. */
function createPrettyLog(level: LogLevel, fd: number): OperatorLog {
  let least: number = ranks[level];
  const at = (name: LogLevel) => (event: string, fields?: Fields) => {
    if (ranks[name] < least) return;
    try {
      writeSync(fd, prettyLine(name, new Date(), event, fields));
    } catch {
      // the terminal is gone
    }
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    setLevel(changed) {
      least = ranks[changed];
    },
    async end() {},
  };
}

/** `12:03:04.123 info  received id=… from=ann@example.org` */
export function prettyLine(
  level: LogLevel,
  time: Date,
  event: string,
  fields?: Readonly<Record<string, unknown>>,
): string {
  const clock = time.toTimeString().slice(0, 8) + time.toISOString().slice(19, 23);
  let line = `\u001b[2m${clock}\u001b[0m \u001b[${colours[level]}m${level.padEnd(5)}\u001b[0m ${plain(event)}`;
  for (const [name, value] of Object.entries(fields ?? {}))
    if (value !== undefined) line += ` \u001b[2m${plain(name)}=\u001b[0m${shownValue(value)}`;
  return `${line}\n`;
}

function shownValue(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof Error) return plain(value.message);
  if (typeof value !== 'string') return plain(JSON.stringify(value) ?? String(value));
  // A stack is for people, and has its own lines.
  if (value.includes('\n    at ')) return value.split('\n').map(plain).join('\n    ');
  return value === '' || /[\s"=]/.test(value) ? plain(JSON.stringify(value)) : plain(value);
}

/** What a peer sent must not move the cursor of a terminal. */
const plain = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
