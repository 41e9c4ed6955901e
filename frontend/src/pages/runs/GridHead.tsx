import type { RunsWanted } from "../../api/runs";
import type { RunSort } from "../../api/types";
import { Icon } from "../../parts/Icon";
import { TABLE } from "./columns";
import { firstDirection, type ColumnId } from "./view";
import classes from "./RunGrid.module.css";

interface Props {
  columns: readonly ColumnId[];
  view: RunsWanted;
  onSort: (sort: RunSort, descending: boolean) => void;
  selected: number;
  total: number;
  onAll: () => void;
  onNone: () => void;
}

/** The names of the columns; a click sorts, another turns the order round. */
export function GridHead({ columns, view, onSort, selected, total, onAll, onNone }: Props) {
  const sorter = (sort: RunSort, label: string) => {
    const isSorted = view.sort === sort;
    return (
      <button type="button" className={classes.sorter} data-sorted={isSorted || undefined} onClick={() => onSort(sort, isSorted ? !view.descending : firstDirection(sort))}>
        {label}
        <span className={classes.direction} data-up={(isSorted && !view.descending) || undefined}>
          <Icon name="chevron" size={12} />
        </span>
      </button>
    );
  };
  const sorted = (sort: RunSort | undefined) => (sort && view.sort === sort ? (view.descending ? "descending" : "ascending") : undefined);
  return (
    <div role="rowgroup" className={classes.head}>
      <div role="row" aria-rowindex={1} className={classes.headRow}>
        <div role="columnheader" className={classes.check}>
          <span className="visually-hidden">Selected</span>
          <label>
            <input
              type="checkbox"
              className={classes.box}
              aria-label="Select all runs of this list"
              checked={selected > 0 && selected >= total}
              ref={(box) => {
                if (box) box.indeterminate = selected > 0 && selected < total;
              }}
              onChange={() => (selected > 0 ? onNone() : onAll())}
            />
          </label>
        </div>
        <div role="columnheader" className={classes.column} data-first aria-sort={sorted("name")}>
          {sorter("name", "Run")}
        </div>
        {columns.map((id) => {
          const { label, sort, isNumber } = TABLE[id];
          return (
            <div role="columnheader" key={id} className={classes.column} data-number={isNumber || undefined} aria-sort={sorted(sort)}>
              {sort ? sorter(sort, label) : <span>{label}</span>}
            </div>
          );
        })}
      </div>
    </div>
  );
}
