// Icons, drawn on a grid of 20, in the colour of the text beside them. They say nothing to a screen reader: what they
// mean stands next to them, or in the label of their button.

const shapes = {
  pulse: 'M2.5 10.5h3l2-6 4 11 2.5-7 1 2h2.5',
  inbox: 'M3 11.5 5.2 4h9.6L17 11.5V16H3zM3 11.5h4l1 2h4l1-2h4',
  route:
    'M5 5.5a1.5 1.5 0 1 0 0-.01M15 14.5a1.5 1.5 0 1 0 0-.01M6.5 5.5H12a2.25 2.25 0 0 1 0 4.5H8a2.25 2.25 0 0 0 0 4.5h5.5',
  queue: 'M3 5h14M3 10h14M3 15h8',
  server: 'M3.5 4h13v5h-13zM3.5 11h13v5h-13zM6.5 6.5h.01M6.5 13.5h.01',
  log: 'M4 4.5h12v11H4zM6.5 8l2 2-2 2M10.5 12h3',
  people:
    'M7.5 9.5a2.75 2.75 0 1 0 0-.01M2.5 16c.4-2.7 2.4-4 5-4s4.6 1.3 5 4M13 4.3a2.6 2.6 0 0 1 0 4.9M14.5 12.3c1.7.5 2.7 1.7 3 3.7',
  report: 'M4.5 3h7.5l3.5 3.5V17h-11zM12 3v3.5h3.5M7.5 10.5h5M7.5 13.5h5',
  shield: 'M10 2.8 16 5v4.7c0 3.6-2.4 6.2-6 7.5-3.6-1.3-6-3.9-6-7.5V5zM7.3 9.9l2 2 3.5-3.7',
  gear: 'M10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM10 2.5v2.2M10 15.3v2.2M2.5 10h2.2M15.3 10h2.2M4.7 4.7l1.55 1.55M13.75 13.75l1.55 1.55M4.7 15.3l1.55-1.55M13.75 6.25l1.55-1.55',
  search: 'M8.75 14a5.25 5.25 0 1 0 0-10.5 5.25 5.25 0 0 0 0 10.5zM12.6 12.6 16.5 16.5',
  menu: 'M3 5.5h14M3 10h14M3 14.5h14',
  sun: 'M10 13.25a3.25 3.25 0 1 0 0-6.5 3.25 3.25 0 0 0 0 6.5zM10 2.5v1.5M10 16v1.5M2.5 10H4M16 10h1.5M4.7 4.7l1 1M14.3 14.3l1 1M4.7 15.3l1-1M14.3 5.7l1-1',
  moon: 'M16.5 11.5A6.75 6.75 0 0 1 8.5 3.5a6.75 6.75 0 1 0 8 8z',
  screen: 'M3 4h14v9.5H3zM7.5 16.5h5',
  keyboard: 'M2.5 5.5h15v9h-15zM5.5 8.5h.01M8.5 8.5h.01M11.5 8.5h.01M14.5 8.5h.01M6.5 11.5h7',
  check: 'M4 10.5l4 4 8-9',
  cross: 'M5 5l10 10M15 5 5 15',
  clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4.2l2.7 1.8',
  pause: 'M7 4.5v11M13 4.5v11',
  play: 'M6.5 4.5v11l9-5.5z',
  retry: 'M16 10a6 6 0 1 1-1.8-4.3L16 7.5M16 3.5v4h-4',
  bounce: 'M8 5 3.5 9.5 8 14M3.5 9.5h8a5 5 0 0 1 5 5V16',
  trash: 'M3.5 5.5h13M8 5.5V3.5h4v2M5 5.5l.8 11h8.4l.8-11M8.3 8.5v5M11.7 8.5v5',
  arrow: 'M4 10h12M11.5 5.5 16 10l-4.5 4.5',
  back: 'M16 10H4M8.5 5.5 4 10l4.5 4.5',
  down: 'M5 7.5l5 5 5-5',
  in: 'M10 3v9.5M5.5 8.5 10 13l4.5-4.5M3.5 16.5h13',
  out: 'M10 13V3.5M5.5 8 10 3.5 14.5 8M3.5 16.5h13',
  download: 'M10 3v9.5M5.5 8.5 10 13l4.5-4.5M3.5 16.5h13',
  clip: 'M14.5 9 9.2 14.3a3 3 0 0 1-4.3-4.3L11 4a2 2 0 0 1 2.9 2.9l-5.8 5.8a1 1 0 0 1-1.4-1.4L11.5 6.5',
  copy: 'M7 7h9v9H7zM4 13V4h9',
  warn: 'M10 3.2 17.5 16.5h-15zM10 8v4M10 14.2h.01',
  stop: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM5.2 5.2l9.6 9.6',
  info: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 9v4.5M10 6.3h.01',
  key: 'M7 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10.3 9.5H17.5v3M14.5 9.5v2.5',
  plus: 'M10 4v12M4 10h12',
  link: 'M8.5 11.5a3 3 0 0 0 4.3 0l3-3a3 3 0 0 0-4.3-4.3l-.8.8M11.5 8.5a3 3 0 0 0-4.3 0l-3 3a3 3 0 0 0 4.3 4.3l.8-.8',
  image: 'M3 4h14v12H3zM3 13l4-4 4 4 2-2 4 4M13 7.5h.01',
  mail: 'M3 4.5h14v11H3zM3 5.5l7 5.5 7-5.5',
  reply: 'M8 5 3.5 9.5 8 14M3.5 9.5h8a5 5 0 0 1 5 5V16',
  exit: 'M8 3.5H4v13h4M12.5 6l4 4-4 4M16.5 10H8',
  tag: 'M3.5 3.5h6.5l6.5 6.5-6.5 6.5-6.5-6.5zM6.8 6.8h.01',
  puzzle: 'M4 4h5v5H4zM11 4h5v5h-5zM4 11h5v5H4zM13.5 11v5M11 13.5h5',
} as const;

export type IconName = keyof typeof shapes;

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      viewBox="0 0 20 20"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={shapes[name]} />
    </svg>
  );
}
