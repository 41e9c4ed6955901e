/** The three roles in words. Pure. */
import type { Role } from "../../api/people";

export const ROLES: Record<Role, { what: string; may: string }> = {
  viewer: { what: "a viewer", may: "may look at everything, and change nothing" },
  operator: { what: "an operator", may: "may also submit, steer and delete runs" },
  admin: { what: "an admin", may: "may do everything, users and webhooks included" },
};

const ORDER: readonly Role[] = ["viewer", "operator", "admin"];

/** What a select of roles shows: those up to `most`. */
export function roleChoices(most: Role): { value: Role; label: string }[] {
  return ORDER.slice(0, ORDER.indexOf(most) + 1).map((role) => ({ value: role, label: role }));
}
