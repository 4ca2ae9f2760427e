import type { Item } from "../api/items";
import { Icon } from "../ui/icons";
import { PassingButton } from "../ui/PassingButton";
import { ItemRow } from "./ItemRow";
import { Leaving } from "./Leaving";
import { ListFailure } from "./ListFailure";
import type { List } from "./list";
import type { Deletions } from "./useDeletions";

interface Props {
  list: List;
  deletions: Deletions;
  isNarrowed: boolean;
  onMore: () => void;
  onReload: () => void;
  onCreate: () => void;
  onEdit: (item: Item) => void;
  onTag: (tag: string) => void;
  onShowAll: () => void;
  onSignIn: () => void;
}

/** The id of the list's heading, which takes over the focus of what goes away. */
const LIST = "list";

export function ItemList({ list, deletions, onMore, onReload, onEdit, onTag, ...props }: Props) {
  const { phase, items, failure } = list;
  const isUnread = phase === "loading" && items.length === 0;
  return (
    <section aria-labelledby={LIST} aria-busy={phase.startsWith("loading")}>
      <h2 id={LIST} class="unseen" tabIndex={-1}>
        List
      </h2>
      <p class="count" role="status">
        {summary(list)}
      </p>
      {isUnread && <Skeleton />}
      {phase === "ready" && items.length === 0 && list.next === null && <NoItems {...props} />}
      <ul class="items">
        {items.map((item) => (
          <li key={item.id} class="item">
            {deletions.ids.has(item.id) ? (
              <Leaving
                item={item}
                heir={LIST}
                onUndo={() => deletions.undo(item)}
                onElapsed={() => void deletions.send(item)}
              />
            ) : (
              <ItemRow
                item={item}
                onEdit={() => onEdit(item)}
                onDelete={() => deletions.mark(item)}
                onTag={onTag}
              />
            )}
          </li>
        ))}
      </ul>
      {failure !== null && (
        <ListFailure
          failure={failure}
          heir={LIST}
          onRetry={items.length > 0 ? onMore : onReload}
          onSignIn={props.onSignIn}
        />
      )}
      {list.next !== null && failure === null && (
        <PassingButton class="more" heir={LIST} isDisabled={phase !== "ready"} onClick={onMore}>
          {phase === "loading more" ? "Loading…" : "Show more"}
        </PassingButton>
      )}
    </section>
  );
}

function summary({ phase, items, next, total, totalIsExact }: List): string {
  if (phase === "failed") return "";
  if (phase === "loading" && items.length === 0) return "Loading…";
  const all = totalIsExact ? `${total}` : `more than ${total}`;
  if (next !== null) return `${items.length} of ${all}`;
  return items.length === 1 ? "1 item" : `${items.length} items`;
}

function NoItems({
  isNarrowed,
  onCreate,
  onShowAll,
}: Pick<Props, "isNarrowed" | "onCreate" | "onShowAll">) {
  return isNarrowed ? (
    <div class="empty">
      <Icon name="search" />
      <p>Nothing matches.</p>
      <PassingButton heir={LIST} onClick={onShowAll}>
        Show all items
      </PassingButton>
    </div>
  ) : (
    <div class="empty">
      <Icon name="add" />
      <p>There are no items yet.</p>
      <PassingButton class="primary" heir={LIST} onClick={onCreate}>
        Create the first
      </PassingButton>
    </div>
  );
}

/** The outlines of a list that is on its way. */
function Skeleton() {
  return (
    <div class="skeleton" aria-hidden="true">
      <div />
      <div />
      <div />
    </div>
  );
}
