// Tables: the plain one, and the data table with pages and sorting.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { withEmoji } from "./emoji.js";
import { richText } from "./richtext.js";
import { redraw } from "./store.js";

const views = new Map(); // block key -> {page, sort: column, down: bool}

const textOf = (cell) => String(cell?.text ?? cell?.value ?? cell?.number ?? "");

function drawCell(cell) {
  if (!cell) return null;
  if (cell.type === "rich_text") return richText(cell);
  return withEmoji(textOf(cell), { shortcodes: false });
}

function table(block) {
  const settings = block.column_settings || [];
  const looks = (column) => ({
    "text-align": settings[column]?.align,
    "white-space": settings[column]?.is_wrapped ? "normal" : undefined,
  });
  const style = (column) => Object.fromEntries(Object.entries(looks(column)).filter(([, value]) => value));
  const [head, ...rows] = block.rows || [];
  return h(
    "div",
    { class: "table-scroll", tabindex: "0", role: "group", "aria-label": "Table" },
    h(
      "table",
      { class: "table" },
      head &&
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            head.map((cell, column) => h("th", { scope: "col", style: style(column) }, drawCell(cell))),
          ),
        ),
      h(
        "tbody",
        null,
        rows.map((row) =>
          h(
            "tr",
            null,
            row.map((cell, column) => h("td", { style: style(column) }, drawCell(cell))),
          ),
        ),
      ),
    ),
  );
}

function dataTable(block, surface) {
  const key = `${surface.key}\n${block.block_id}`;
  const view = views.get(key) || { page: 0 };
  const set = (change) => {
    views.set(key, { ...view, ...change });
    redraw();
  };
  const [head, ...all] = block.rows || [[]];
  const size = block.page_size || 5;
  const pages = Math.max(1, Math.ceil(all.length / size));
  const page = Math.min(view.page, pages - 1);
  const rows = sorted(all, view).slice(page * size, page * size + size);
  const named = block.row_header_column_index ?? 0;
  return h(
    "div",
    { class: "data-table" },
    h(
      "div",
      { class: "table-scroll" },
      h(
        "table",
        { class: "table" },
        h("caption", null, block.caption),
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            head.map((cell, column) => headCell(cell, column, view, set)),
          ),
        ),
        h(
          "tbody",
          null,
          rows.map((row) =>
            h(
              "tr",
              null,
              row.map((cell, column) =>
                column === named
                  ? h("th", { scope: "row" }, drawCell(cell))
                  : h("td", { class: cell?.type === "raw_number" ? "number" : undefined }, drawCell(cell)),
              ),
            ),
          ),
        ),
      ),
    ),
    pages > 1 &&
      h(
        "div",
        { class: "pager" },
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": "Previous page",
            disabled: page === 0,
            onclick: () => set({ page: page - 1 }),
          },
          icon("left"),
        ),
        h("span", { "aria-live": "polite" }, `${page + 1} of ${pages}`),
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": "Next page",
            disabled: page === pages - 1,
            onclick: () => set({ page: page + 1 }),
          },
          icon("right"),
        ),
      ),
  );
}

function headCell(cell, column, view, set) {
  const direction = view.sort === column ? (view.down ? "descending" : "ascending") : "none";
  return h(
    "th",
    { scope: "col", "aria-sort": direction },
    h(
      "button",
      {
        type: "button",
        class: "sort",
        onclick: () => set({ sort: column, down: view.sort === column && !view.down, page: 0 }),
      },
      drawCell(cell),
      direction !== "none" && icon(view.down ? "caret" : "up", 14),
    ),
  );
}

function sorted(rows, { sort, down }) {
  if (sort === undefined) return rows;
  const order = (cell) => String(cell?.value ?? textOf(cell));
  const compare = (one, other) => order(one[sort]).localeCompare(order(other[sort]), "en", { numeric: true });
  return [...rows].sort((one, other) => (down ? -compare(one, other) : compare(one, other)));
}

export const tables = { table, data_table: dataTable };
