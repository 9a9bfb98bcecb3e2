// The pages there are, in the order of the navigation. What is large is loaded when it is first looked at.

import type { ComponentType } from 'preact';
import type { IconName } from './components/icon.tsx';

export interface Page {
  readonly path: string;
  readonly name: string;
  readonly group: string;
  readonly icon: IconName;
  /** After `g`. */
  readonly key: string;
  readonly load: () => Promise<{ readonly Page: ComponentType }>;
}

export const pages: readonly Page[] = [
  {
    ...{ path: '/overview', name: 'Overview', group: 'Mail', icon: 'pulse', key: 'o' },
    load: () => import('./pages/overview.tsx'),
  },
  {
    ...{ path: '/inbox', name: 'Inbox', group: 'Mail', icon: 'inbox', key: 'i' },
    load: () => import('./pages/inbox.tsx'),
  },
  {
    ...{ path: '/messages', name: 'Messages', group: 'Mail', icon: 'route', key: 'm' },
    load: () => import('./pages/messages.tsx'),
  },
  {
    ...{ path: '/queue', name: 'Queue', group: 'Mail', icon: 'queue', key: 'q' },
    load: () => import('./pages/queue.tsx'),
  },
  {
    ...{ path: '/destinations', name: 'Destinations', group: 'Mail', icon: 'server', key: 'd' },
    load: () => import('./pages/destinations.tsx'),
  },
  {
    ...{ path: '/log', name: 'Log', group: 'Mail', icon: 'log', key: 'l' },
    load: () => import('./pages/log.tsx'),
  },
  {
    ...{ path: '/accounts', name: 'Accounts', group: 'Domain', icon: 'people', key: 'a' },
    load: () => import('./pages/accounts.tsx'),
  },
  {
    ...{ path: '/reports', name: 'Reports', group: 'Domain', icon: 'report', key: 'r' },
    load: () => import('./pages/reports.tsx'),
  },
  {
    ...{ path: '/health', name: 'DNS and TLS', group: 'Domain', icon: 'shield', key: 'h' },
    load: () => import('./pages/health.tsx'),
  },
  {
    ...{ path: '/settings', name: 'Settings', group: 'Domain', icon: 'gear', key: 's' },
    load: () => import('./pages/settings.tsx'),
  },
];

/** The page that a path belongs to. */
export const pageOf = (path: string): Page | undefined =>
  pages.find((one) => path === one.path || path.startsWith(`${one.path}/`));

export const isConsolePath = (path: string): boolean =>
  path === '/' || path === '/login' || path.startsWith('/account/') || pageOf(path) !== undefined;
