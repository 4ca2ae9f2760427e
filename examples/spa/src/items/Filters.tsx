import { Icon } from "../ui/icons";
import { entries, isKey, SORTS, STATUSES, type Status, type View } from "./view";

interface Props {
  view: View;
  onChange: (changes: Partial<View>) => void;
}

export function Filters({ view, onChange }: Props) {
  function toggle(status: Status): void {
    const others = view.statuses.filter((other) => other !== status);
    const statuses = others.length < view.statuses.length ? others : [...others, status];
    onChange({ statuses });
  }

  return (
    <search class="filters">
      <div class="search">
        <Icon name="search" />
        <input
          type="search"
          aria-label="Search items"
          placeholder="Search names and descriptions"
          maxLength={199}
          value={view.search}
          onInput={(event) => onChange({ search: event.currentTarget.value })}
        />
      </div>
      <fieldset class="statuses">
        <legend class="unseen">Status</legend>
        {entries(STATUSES).map(([status, label]) => (
          <label key={status} class="toggle">
            <input
              type="checkbox"
              checked={view.statuses.includes(status)}
              onChange={() => toggle(status)}
            />
            {label}
          </label>
        ))}
      </fieldset>
      <select
        aria-label="Order"
        value={view.sort}
        onChange={({ currentTarget: { value } }) =>
          isKey(SORTS, value) && onChange({ sort: value })
        }
      >
        {entries(SORTS).map(([sort, label]) => (
          <option key={sort} value={sort}>
            {label}
          </option>
        ))}
      </select>
      {view.tags.length > 0 && (
        <ul class="chips" aria-label="Tags that items must have">
          {view.tags.map((tag) => (
            <li key={tag}>
              <button
                type="button"
                class="chip is-on"
                aria-label={`Stop filtering by tag ${tag}`}
                onClick={() => onChange({ tags: view.tags.filter((other) => other !== tag) })}
              >
                {tag}
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
    </search>
  );
}
