/** How the editor looks, in the page's own colours, and the field problems it shows in the text. */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { StateEffect, StateField, type EditorState, type Extension, type Range } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, type DecorationSet } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { FieldProblem } from "../../api/types";
import { placeOf } from "./locate";

const frame = EditorView.theme({
  "&": { height: "100%", fontSize: "13px", backgroundColor: "var(--surface)", color: "var(--mantine-color-text)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mantine-font-family-monospace)", lineHeight: "1.6", overflow: "auto" },
  ".cm-content": { padding: "12px 0", caretColor: "var(--mantine-color-text)" },
  ".cm-cursor": { borderLeftColor: "var(--mantine-color-text)" },
  ".cm-line": { padding: "0 16px 0 8px" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--mantine-color-dimmed)", border: "none" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "40px", padding: "0 8px 0 12px" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--link) 7%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--link) 24%, transparent)",
  },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "transparent", outline: "1px solid var(--link)" },
  ".cm-wrong": { textDecoration: "underline wavy var(--bad)", textUnderlineOffset: "4px" },
  ".cm-wrongLine": { backgroundColor: "color-mix(in srgb, var(--bad) 9%, transparent)" },
  ".cm-problem": {
    padding: "1px 16px 3px 8px",
    borderLeft: "3px solid var(--bad)",
    backgroundColor: "color-mix(in srgb, var(--bad) 9%, transparent)",
    color: "var(--bad)",
    fontFamily: "var(--mantine-font-family)",
    whiteSpace: "pre-wrap",
  },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--link)" },
  { tag: tags.comment, color: "var(--mantine-color-dimmed)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--mantine-color-dimmed)" },
]);

/** What is wrong with a line, under it. The list beside the editor says the same to screen readers. */
class Message extends WidgetType {
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }

  override eq(other: Message): boolean {
    return other.text === this.text;
  }

  override toDOM(): HTMLElement {
    const line = document.createElement("div");
    line.className = "cm-problem";
    line.textContent = this.text;
    line.setAttribute("aria-hidden", "true");
    return line;
  }
}

function decorate(state: EditorState, problems: readonly FieldProblem[]): DecorationSet {
  const text = state.doc.toString();
  const ranges: Range<Decoration>[] = [];
  for (const problem of problems) {
    const { from, to } = placeOf(text, problem);
    const line = state.doc.lineAt(from);
    ranges.push(Decoration.line({ class: "cm-wrongLine" }).range(line.from));
    if (to > from) ranges.push(Decoration.mark({ class: "cm-wrong" }).range(from, to));
    ranges.push(Decoration.widget({ widget: new Message(problem.field ? `${problem.field}: ${problem.message}` : problem.message), block: true, side: 1 }).range(line.to));
  }
  return Decoration.set(ranges, true);
}

export const showProblems = StateEffect.define<readonly FieldProblem[]>();

const problemsField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, change) {
    for (const effect of change.effects) if (effect.is(showProblems)) return decorate(change.state, effect.value);
    return shown.map(change.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

export const look: Extension = [frame, syntaxHighlighting(colours), problemsField];
