import { useState } from "preact/hooks";
import { Failure } from "../api/failure";
import { createItem, getItem, type Item, updateItem } from "../api/items";
import { Dialog } from "../ui/Dialog";
import { useAttempt } from "../ui/useAttempt";
import { Conflict } from "./Conflict";
import { type Changes, changesOf, draftOf, EMPTY, inputOf, isSame } from "./draft";
import { ItemForm } from "./ItemForm";
import { writeKeys } from "./writeKeys";

interface Props {
  /** The item to edit, as it was seen; null makes a new one. */
  item: Item | null;
  onCreated: (item: Item) => void;
  /** The item as it is stored now, whoever wrote it. */
  onSaved: (item: Item) => void;
  onClose: () => void;
}

export function ItemDialog({ item, onCreated, onSaved, onClose }: Props) {
  const [original] = useState(item === null ? EMPTY : draftOf(item));
  const [draft, setDraft] = useState(original);
  const [conflict, setConflict] = useState<{ stored: Item; changes: Changes } | null>(null);
  const [isLeaving, setIsLeaving] = useState(false);
  const [keyOf] = useState(writeKeys);
  const { isBusy, failure, attempt } = useAttempt();

  async function create(): Promise<void> {
    const input = inputOf(draft);
    onCreated(await createItem(input, keyOf(input)));
  }

  /** Changes the item, unless somebody else has done so since it was `seen`. */
  async function save(seen: Item, changes: Changes): Promise<void> {
    if (isSame(changes, {})) return onClose();
    try {
      onSaved(await updateItem(seen, changes));
    } catch (error) {
      if (!(error instanceof Failure && error.status === 412)) throw error;
      setConflict({ stored: await getItem(seen.id), changes });
    }
  }

  function cancel(): void {
    if (isSame(draft, original)) onClose();
    else setIsLeaving(true);
  }

  return (
    <>
      {/* Before the other, to close before it: each gives the focus back to where it was. */}
      {isLeaving && (
        <Dialog title="Discard what you have typed?" onCancel={() => setIsLeaving(false)}>
          <div class="dialog-actions">
            <button type="button" onClick={() => setIsLeaving(false)}>
              Keep editing
            </button>
            <button type="button" class="danger" onClick={onClose}>
              Discard
            </button>
          </div>
        </Dialog>
      )}
      <Dialog title={item === null ? "New item" : "Edit item"} onCancel={cancel}>
        {conflict !== null ? (
          <Conflict
            {...conflict}
            failure={failure}
            isBusy={isBusy}
            onKeepMine={() => attempt(() => save(conflict.stored, conflict.changes))}
            onTakeTheirs={() => onSaved(conflict.stored)}
          />
        ) : (
          <ItemForm
            draft={draft}
            failure={failure}
            isNew={item === null}
            isBusy={isBusy}
            onChange={(changes) => setDraft((draft) => ({ ...draft, ...changes }))}
            onSubmit={() =>
              attempt(() => (item === null ? create() : save(item, changesOf(item, draft))))
            }
            onCancel={cancel}
          />
        )}
      </Dialog>
    </>
  );
}
