import type { Item } from "../api/items";
import { Icon } from "../ui/icons";
import { STATUSES } from "./view";

interface Props {
  item: Item;
  onEdit: () => void;
  onDelete: () => void;
  onTag: (tag: string) => void;
}

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function ItemRow({ item, onEdit, onDelete, onTag }: Props) {
  return (
    <>
      <div class="item-text">
        <h3>{item.name}</h3>
        {item.description !== null && <p class="description">{item.description}</p>}
        <div class="facts">
          <span class={`status is-${item.status}`}>{STATUSES[item.status]}</span>
          <span>Quantity {item.quantity}</span>
          {item.tags.length > 0 && (
            <ul class="chips" aria-label="Tags">
              {item.tags.map((tag) => (
                <li key={tag}>
                  <button
                    type="button"
                    class="chip"
                    aria-label={`Filter by tag ${tag}`}
                    onClick={() => onTag(tag)}
                  >
                    {tag}
                  </button>
                </li>
              ))}
            </ul>
          )}
          <time dateTime={item.updated_at}>{DATE.format(new Date(item.updated_at))}</time>
        </div>
      </div>
      <div class="item-actions">
        <button type="button" class="quiet" aria-label={`Edit ${item.name}`} onClick={onEdit}>
          <Icon name="edit" />
        </button>
        <button type="button" class="quiet" aria-label={`Delete ${item.name}`} onClick={onDelete}>
          <Icon name="delete" />
        </button>
      </div>
    </>
  );
}
