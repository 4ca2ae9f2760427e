import { useLayoutEffect, useRef } from "preact/hooks";
import type { Failure } from "../api/failure";
import type { Item } from "../api/items";
import { FailureText } from "../ui/FailureText";
import type { Changes } from "./draft";
import { STATUSES } from "./view";

type Version = Pick<Item, "name" | "description" | "status" | "quantity" | "tags">;

interface Props {
  changes: Changes;
  stored: Item;
  failure: Failure | null;
  isBusy: boolean;
  onKeepMine: () => void;
  onTakeTheirs: () => void;
}

const FIELDS: readonly [string, (version: Version) => string][] = [
  ["Name", (version) => version.name],
  ["Description", (version) => version.description ?? ""],
  ["Status", (version) => STATUSES[version.status]],
  ["Quantity", (version) => String(version.quantity)],
  ["Tags", (version) => version.tags.join(", ")],
];

/** Two versions of an item side by side, one of which is to stay. */
export function Conflict({ changes, stored, failure, isBusy, ...on }: Props) {
  const explanation = useRef<HTMLParagraphElement>(null);
  useLayoutEffect(() => explanation.current?.focus(), []);
  // What one hasn't touched oneself stays as the others have made it.
  const mine = { ...stored, ...changes };

  return (
    <div class="conflict">
      <p ref={explanation} tabIndex={-1}>
        Somebody else has changed this item since you opened it. Which version is to stay?
      </p>
      <table>
        <thead>
          <tr>
            <td />
            <th scope="col">Yours</th>
            <th scope="col">Stored now</th>
          </tr>
        </thead>
        <tbody>
          {FIELDS.map(([label, text]) => (
            <tr key={label} class={text(mine) === text(stored) ? "" : "differs"}>
              <th scope="row">{label}</th>
              <td>{text(mine)}</td>
              <td>{text(stored)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {failure !== null && <FailureText failure={failure} />}
      <div class="dialog-actions">
        <button type="button" aria-disabled={isBusy} onClick={on.onTakeTheirs}>
          Take theirs
        </button>
        <button type="button" class="primary" aria-disabled={isBusy} onClick={on.onKeepMine}>
          Keep mine
        </button>
      </div>
    </div>
  );
}
