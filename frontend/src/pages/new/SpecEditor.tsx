import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, indentOnInput } from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { useEffect, useImperativeHandle, useRef, type Ref } from "react";
import type { FieldProblem } from "../../api/types";
import { look, showProblems } from "./editorLook";
import { placeOf } from "./locate";
import classes from "./NewRunPage.module.css";

export interface EditorHandle {
  /** Puts the cursor at the field that is wrong. */
  show: (problem: FieldProblem) => void;
}

interface Props {
  value: string;
  problems: readonly FieldProblem[];
  onChange: (value: string) => void;
  onSubmit: () => void;
  ref: Ref<EditorHandle>;
}

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

/** Typing over a selection. Left to itself, Chromium joins the lines with a style attribute, which the page's security policy refuses. */
const typeOver = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    if (event.inputType !== "insertText" || !event.data || event.isComposing || view.state.selection.main.empty) return false;
    event.preventDefault();
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});

/** The one place where two texts differ, so that a change from outside leaves the cursor and the scroll where they are. */
function difference(before: string, after: string): { from: number; to: number; insert: string } {
  const shorter = Math.min(before.length, after.length);
  let from = 0;
  while (from < shorter && before[from] === after[from]) from += 1;
  let end = 0;
  while (end < shorter - from && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return { from, to: before.length - end, insert: after.slice(from, after.length - end) };
}

/** The YAML text with its field problems in place. Ctrl/Cmd+Enter submits; Escape then Tab leaves. */
export function SpecEditor({ value, problems, onChange, onSubmit, ref }: Props) {
  const parent = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const handlers = useRef({ onChange, onSubmit });
  useEffect(() => {
    handlers.current = { onChange, onSubmit };
  });

  useEffect(() => {
    const submit = (): boolean => {
      handlers.current.onSubmit();
      return true;
    };
    const editor = new EditorView({
      parent: parent.current!,
      state: EditorState.create({
        doc: value,
        extensions: [
          EditorView.cspNonce.of(nonce),
          EditorView.contentAttributes.of({ "aria-label": "Run spec (YAML)", "aria-describedby": "editor-help", tabindex: "0", spellcheck: "false" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) handlers.current.onChange(update.state.doc.toString());
          }),
          Prec.highest(keymap.of([{ key: "Mod-Enter", run: submit }])),
          keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
          [lineNumbers(), highlightActiveLine(), highlightActiveLineGutter(), drawSelection()],
          [history(), indentOnInput(), bracketMatching(), yaml(), EditorView.lineWrapping],
          [look, typeOver],
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
    // The editor is made once; later texts reach it below.
  }, []);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: difference(editor.state.doc.toString(), value) });
  }, [value]);

  useEffect(() => view.current?.dispatch({ effects: showProblems.of(problems) }), [problems]);

  useImperativeHandle(ref, () => ({
    show: (problem) => {
      const editor = view.current;
      if (!editor) return;
      const { from, to } = placeOf(editor.state.doc.toString(), problem);
      editor.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
      editor.focus();
    },
  }));

  return <div ref={parent} className={classes.editor} />;
}
