import type { Failure } from "../api/failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import type { Draft } from "./draft";
import { TagsField } from "./TagsField";
import { entries, STATUSES } from "./view";

interface Props {
  draft: Draft;
  failure: Failure | null;
  isNew: boolean;
  isBusy: boolean;
  onChange: (changes: Partial<Draft>) => void;
  onSubmit: () => void;
  onCancel: () => void;
}

const POINTERS = ["/name", "/description", "/quantity", "/tags"];

export function ItemForm({ draft, failure, isNew, onChange, ...form }: Props) {
  const errorsAt = (pointer: string) => failure?.at(pointer) ?? [];
  return (
    <Form failure={failure} pointers={POINTERS} submitLabel={isNew ? "Create" : "Save"} {...form}>
      <Field label="Name" errors={errorsAt("/name")}>
        {(control) => (
          <input
            {...control}
            autoComplete="off"
            value={draft.name}
            onInput={(event) => onChange({ name: event.currentTarget.value })}
          />
        )}
      </Field>
      <Field label="Description" errors={errorsAt("/description")}>
        {(control) => (
          <textarea
            {...control}
            rows={3}
            value={draft.description}
            onInput={(event) => onChange({ description: event.currentTarget.value })}
          />
        )}
      </Field>
      <div class="row">
        <fieldset class="statuses">
          <legend>Status</legend>
          {entries(STATUSES).map(([status, label]) => (
            <label key={status} class="toggle">
              <input
                type="radio"
                name="status"
                checked={draft.status === status}
                onChange={() => onChange({ status })}
              />
              {label}
            </label>
          ))}
        </fieldset>
        <Field label="Quantity" errors={errorsAt("/quantity")}>
          {(control) => (
            <input
              {...control}
              inputMode="numeric"
              autoComplete="off"
              value={draft.quantity}
              onInput={(event) => onChange({ quantity: event.currentTarget.value })}
            />
          )}
        </Field>
      </div>
      <TagsField
        tags={draft.tags}
        typed={draft.newTag}
        errors={errorsAt("/tags")}
        onChange={(tags, newTag) => onChange({ tags, newTag })}
      />
      {isNew && failure?.status === 0 && (
        <p class="hint">
          Your item may have arrived. Trying again is safe: it is created only once.
        </p>
      )}
    </Form>
  );
}
