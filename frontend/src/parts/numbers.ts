/** Numbers as the page writes them: the same units and digits everywhere. */

const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat("en");

/** An accuracy in [0, 1] as "61.3%"; an en dash where there is none. */
export function accuracy(value: number | null | undefined): string {
  return value == null ? "–" : percent.format(value);
}

/** A share in [0, 1] as "61%". */
export function percentage(share: number): string {
  return `${Math.round(share * 100)}%`;
}

/** A difference of accuracies in points, always signed. */
export function points(value: number): string {
  const rounded = Math.abs(value * 100).toFixed(1);
  return `${value < 0 ? "−" : "+"}${rounded}`;
}

/** The same of two accuracies, as the difference of what `accuracy` writes of them: numbers on one page add up. */
export function pointsBetween(before: number, after: number): string {
  const written = (value: number): number => Math.round(value * 1000);
  return points((written(after) - written(before)) / 1000);
}

export function count(value: number): string {
  return whole.format(value);
}

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let scaled = value / 1000;
  let unit = 0;
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return `${scaled.toFixed(scaled < 10 ? 1 : 0)} ${units[unit]}`;
}

/** A setting as it would be typed: 0.3, 0.0001, hub_and_spoke. */
export function setting(value: unknown): string {
  if (typeof value !== "number") return String(value ?? "–");
  const plain = String(Number(value.toPrecision(6)));
  return plain.replace(/e-0?(\d)$/, "e-$1");
}
