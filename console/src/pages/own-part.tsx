// What the owner of an account sees, who is no administrator: their mail, what is done with it, their passwords.

import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { Icon } from '../components/icon.tsx';
import { Mark } from '../components/mark.tsx';
import { Toasts } from '../components/toasts.tsx';
import { navigate, parts } from '../router.ts';
import { logOut } from '../session.ts';
import { MailPage } from './account/mail-page.tsx';
import { PasswordsPage } from './account/passwords-page.tsx';
import { RulesPage } from './account/rules-page.tsx';
import { WritePage } from './account/write-page.tsx';
import '../styles/inbox.css';
import '../styles/account.css';

const sections: readonly (readonly [path: string, name: string, Section: ComponentType])[] = [
  ['mail', 'Mail', MailPage],
  ['write', 'Write', WritePage],
  ['rules', 'Rules', RulesPage],
  ['passwords', 'Passwords', PasswordsPage],
];

export function OwnPart({ address }: { readonly address: string }) {
  const [first, asked] = parts.value;
  const found = first === 'account' ? sections.find(([path]) => path === asked) : undefined;
  const isLost = found === undefined;
  useEffect(() => {
    if (isLost) navigate('/account/mail', { replace: true });
  }, [isLost]);
  const [shown, name, Section] = found ?? sections[0]!;
  useEffect(() => {
    document.title = `${name} · ${address}`;
  }, [name, address]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="own-top">
        <a class="brand" href="/account/mail" aria-label="Your mail">
          <Mark />
        </a>
        <nav class="own-nav" aria-label="Pages">
          {sections.map(([path, label]) => (
            <a
              key={path}
              class="nav-link"
              href={`/account/${path}`}
              aria-current={path === shown ? 'page' : undefined}
            >
              {label}
            </a>
          ))}
        </nav>
        <span class="own-who one-line faint">{address}</span>
        <button type="button" class="button plain small" onClick={() => void logOut()}>
          <Icon name="exit" size={14} />
          Log out
        </button>
      </header>
      <main id="main" class="own" tabIndex={-1}>
        <Section key={shown} />
      </main>
      <Toasts />
    </>
  );
}
