// How many clients show something, part of it, or not: as a bar and in words.

interface SharesProps {
  /** Percent. */
  readonly of: {
    readonly supported: number;
    readonly partial: number;
    readonly unsupported: number;
  };
  readonly label: string;
  readonly small?: boolean;
}

export function Shares({
  of: { supported, partial, unsupported },
  label,
  small = false,
}: SharesProps) {
  const words = `${round(supported)} % fully, ${round(partial)} % partly, ${round(unsupported)} % not`;
  return (
    <span class={small ? 'shares small' : 'shares'}>
      <svg
        role="img"
        aria-label={`${label}: ${words}`}
        viewBox="0 0 100 4"
        preserveAspectRatio="none"
      >
        <rect class="good" x="0" y="0" height="4" width={supported} />
        <rect class="wait" x={supported} y="0" height="4" width={partial} />
        <rect class="bad" x={supported + partial} y="0" height="4" width={unsupported} />
      </svg>
      {!small && <span class="soft">{words}</span>}
    </span>
  );
}

const round = (percent: number): number => Math.round(percent);
