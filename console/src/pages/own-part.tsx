// What the owner of an account sees, who is no administrator.

import { Mark } from '../components/mark.tsx';
import { Button } from '../components/page.tsx';
import { logOut, session } from '../session.ts';

export function OwnPart({ address }: { readonly address: string }) {
  return (
    <main class="login" id="main">
      <div class="panel">
        <header>
          <Mark size={44} />
          <h1>Postrider</h1>
          <p class="break">{address}</p>
        </header>
        <div class="body stack">
          <p>
            Read your mail with a mail program: it needs your address, your password, and{' '}
            <code>{session.value?.hostname}</code> as the server. Most find the rest by themselves.
          </p>
          <p class="soft">What administrators see is not for your account.</p>
          <Button icon="exit" onClick={() => void logOut()}>
            Log out
          </Button>
        </div>
      </div>
    </main>
  );
}
