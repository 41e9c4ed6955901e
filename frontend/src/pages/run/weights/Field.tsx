import { TextInput } from "@mantine/core";

interface Props {
  label: string;
  value: string;
  problem: string | null;
  onChange: (text: string) => void;
  /** Where typing begins when the editor opens. */
  isFirst?: boolean;
  placeholder?: string;
}

/** A number as text: everybody types it in their own way, and what is wrong is said below. */
export function Field({ label, value, problem, onChange, isFirst = false, placeholder }: Props) {
  return (
    <TextInput
      label={label}
      value={value}
      error={problem}
      inputMode="decimal"
      autoComplete="off"
      {...(placeholder ? { placeholder } : {})}
      {...(isFirst ? { "data-autofocus": true } : {})}
      onFocus={(event) => event.currentTarget.select()}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
