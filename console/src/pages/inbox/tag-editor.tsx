// The tags of a message: those it has, one taken off, one put on.

import { useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { FormDialog } from '../../components/dialog.tsx';
import { said, TextField } from '../../components/form.tsx';
import { Icon } from '../../components/icon.tsx';
import { Button } from '../../components/page.tsx';
import type { Mail } from '../../mail/mail.ts';
import { attempt } from '../../toasts.ts';

interface TagEditorProps {
  readonly mail: Mail;
  /** Those that other messages have. */
  readonly known: readonly string[];
  readonly onChanged: () => void;
}

export function TagEditor({ mail, known, onChanged }: TagEditorProps) {
  const [isAsked, setAsked] = useState(false);
  const [tags, setTags] = useState(mail.tags);
  const give = (wanted: readonly string[]) =>
    attempt(async () => {
      await call('mailTags', { address: mail.mailbox, ids: [mail.id], tags: wanted });
      setTags(wanted);
      onChanged();
      return undefined;
    });
  return (
    <div class="row tags">
      {tags.map((tag) => (
        <span key={tag} class="badge accent">
          {tag}
          <button
            type="button"
            aria-label={`Take off the tag ${tag}`}
            onClick={() => void give(tags.filter((one) => one !== tag))}
          >
            <Icon name="cross" size={10} />
          </button>
        </span>
      ))}
      <Button small kind="plain" icon="tag" onClick={() => setAsked(true)}>
        Add a tag
      </Button>
      {isAsked && (
        <FormDialog
          title="Add a tag"
          submit="Add"
          onSubmit={(given) => give([...new Set([...tags, said(given, 'tag')])].sort())}
          onClose={() => setAsked(false)}
        >
          <TextField
            label="Tag"
            name="tag"
            list="known-tags"
            maxLength={100}
            pattern=".*[A-Za-z0-9].*"
            required
            autoFocus
            autocomplete="off"
            hint="Letters, digits, dashes, dots and spaces. IMAP clients see it as a keyword."
          />
          <datalist id="known-tags">
            {known.map((tag) => (
              <option key={tag} value={tag} />
            ))}
          </datalist>
        </FormDialog>
      )}
    </div>
  );
}
