/** The exports that were asked for in this tab: each is downloaded as soon as it is made. */
export const asked = new Set<number>();
