import { useEffect, useState } from "preact/hooks";
import { AccountDialog } from "./account/AccountDialog";
import { useSession } from "./account/useSession";
import { Failure } from "./api/failure";
import type { Item } from "./api/items";
import { onEnd, signOut } from "./api/session";
import { Filters } from "./items/Filters";
import { ItemDialog } from "./items/ItemDialog";
import { ItemList } from "./items/ItemList";
import { useItems } from "./items/useItems";
import { addressOf, EVERYTHING, isNarrowed, type View, viewOf } from "./items/view";
import { Icon } from "./ui/icons";
import { type Notice, Notices } from "./ui/Notices";

/** What is in front of the list: the form for an item (null: a new one), or that for signing in. */
type Front = { form: "item"; item: Item | null } | { form: "account" };

export function App() {
  const session = useSession();
  const [view, setView] = useState(() => viewOf(location.search));
  const [front, setFront] = useState<Front | null>(null);
  const [notice, setNotice] = useState<Notice | null>(null);
  const { list, deletions, ...items } = useItems(view, session?.id ?? null, sayWhyKept);

  const narrow = (changes: Partial<View>) => setView((view) => ({ ...view, ...changes }));
  /** Closes what is in front; not, for an answer that comes late, what has been opened since. */
  const close = () => setFront((shown) => (shown === front ? null : shown));
  const show = (form: Front) => {
    setNotice(null);
    setFront(form);
  };

  useEffect(() => history.replaceState(null, "", addressOf(view)), [view]);
  useEffect(
    () => onEnd(() => sayFailed("", new Failure("Your session has ended: sign in again."))),
    [],
  );

  function done(text: string): void {
    close();
    setNotice({ text });
  }

  function sayFailed(what: string, failure: Failure): void {
    setNotice({ text: `${what}${failure.message}`, failure });
  }

  function sayWhyKept(item: Item, failure: Failure): void {
    const changed = "somebody else has changed it meanwhile. You see it as it is now.";
    const reason = failure.status === 412 ? changed : failure.message;
    setNotice({ text: `“${item.name}” was not deleted: ${reason}`, failure });
  }

  async function leave(): Promise<void> {
    await deletions.sendAll(); // While it is still clear whose they are.
    try {
      await signOut();
      setNotice({ text: "You are signed out." });
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      sayFailed("You are signed out here, but the server could not be told: ", failure);
    }
  }

  return (
    <>
      <header class="page-header">
        <h1>Items</h1>
        {session === null ? (
          <button type="button" class="quiet" onClick={() => show({ form: "account" })}>
            Sign in
          </button>
        ) : (
          <div class="account">
            <span>{session.email}</span>
            <button type="button" class="quiet" onClick={leave}>
              Sign out
            </button>
          </div>
        )}
        <button type="button" class="primary" onClick={() => show({ form: "item", item: null })}>
          <Icon name="add" />
          New item
        </button>
      </header>
      <main>
        <Filters view={view} onChange={narrow} />
        <ItemList
          list={list}
          deletions={deletions}
          isNarrowed={isNarrowed(view)}
          onMore={items.more}
          onReload={items.reload}
          onCreate={() => show({ form: "item", item: null })}
          onEdit={(item) => show({ form: "item", item })}
          onTag={(tag) => narrow({ tags: [...new Set([...view.tags, tag])] })}
          onShowAll={() => setView(EVERYTHING)}
          onSignIn={() => show({ form: "account" })}
        />
      </main>
      {front?.form === "item" && (
        <ItemDialog
          item={front.item}
          onCreated={(item) => {
            done(`“${item.name}” is created.`);
            items.reload();
          }}
          onSaved={(item) => {
            done(`“${item.name}” is saved.`);
            items.replace(item);
          }}
          onClose={close}
        />
      )}
      {front?.form === "account" && (
        <AccountDialog
          onSignedIn={(email) => done(`You are signed in as ${email}.`)}
          onClose={close}
        />
      )}
      <Notices notice={notice} onDismiss={() => setNotice(null)} />
    </>
  );
}
