import { Field } from "../ui/Field";
import { Icon } from "../ui/icons";

interface Props {
  tags: readonly string[];
  /** The tag that is being typed. */
  typed: string;
  errors: readonly string[];
  onChange: (tags: readonly string[], typed: string) => void;
}

/** Tags as a list with a button to remove each; Enter adds the one that is typed. */
export function TagsField({ tags, typed, errors, onChange }: Props) {
  return (
    <Field label="Tags" hint="Press Enter after each." errors={errors}>
      {(control) => (
        <div class="tags-input">
          {tags.length > 0 && (
            <ul class="chips" aria-label="Tags of this item">
              {tags.map((tag, place) => (
                <li key={tag}>
                  <button
                    type="button"
                    class="chip"
                    aria-label={`Remove tag ${tag}`}
                    onClick={() => {
                      onChange(tags.toSpliced(place, 1), typed);
                      document.getElementById(control.id)?.focus();
                    }}
                  >
                    {tag}
                    <Icon name="close" />
                  </button>
                </li>
              ))}
            </ul>
          )}
          <input
            {...control}
            enterKeyHint="done"
            autoComplete="off"
            value={typed}
            onInput={(event) => onChange(tags, event.currentTarget.value)}
            onKeyDown={(event) => {
              const tag = typed.trim();
              if (event.key !== "Enter" || event.isComposing || tag === "") return;
              event.preventDefault(); // Else it would send the form.
              onChange(tags.includes(tag) ? tags : [...tags, tag], "");
            }}
          />
        </div>
      )}
    </Field>
  );
}
