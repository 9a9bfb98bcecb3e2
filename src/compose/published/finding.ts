// What a check found: that something is right, doubtful or wrong, and what to do.

export interface Finding {
  readonly state: 'ok' | 'warning' | 'failure';
  /** Of the setting it is about, as `listeners[1].port`; '' for what is no setting. */
  readonly path: string;
  readonly text: string;
}

const found =
  (state: Finding['state']) =>
  (path: string, text: string): Finding => ({ state, path, text });
export const ok = found('ok');
export const warning = found('warning');
export const failure = found('failure');
