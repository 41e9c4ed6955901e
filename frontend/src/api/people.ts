/** Users, tokens, the audit log and webhooks: what is read, and what is done. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { body, http } from "./client";
import type { Session, WebhookView } from "./types";

export type Role = Session["role"];
export type WebhookEvent = WebhookView["events"][number];

export const usersQuery = queryOptions({ queryKey: ["people", "users"], queryFn: ({ signal }) => body(http.GET("/api/v1/users", { signal })) });
export const tokensQuery = queryOptions({ queryKey: ["people", "tokens"], queryFn: ({ signal }) => body(http.GET("/api/v1/tokens", { signal })) });
export const webhooksQuery = queryOptions({ queryKey: ["people", "webhooks"], queryFn: ({ signal }) => body(http.GET("/api/v1/webhooks", { signal })) });

export const deliveriesQuery = (id: number) =>
  queryOptions({
    queryKey: ["people", "webhooks", id, "deliveries"],
    queryFn: ({ signal }) => body(http.GET("/api/v1/webhooks/{webhook_id}/deliveries", { params: { path: { webhook_id: id } }, signal })),
    refetchInterval: (query) => (query.state.data?.deliveries.some((each) => each.state === "waiting") ? 1_500 : 15_000),
  });

const AUDIT_PAGE = 100;

export const auditQuery = infiniteQueryOptions({
  queryKey: ["people", "audit"],
  queryFn: ({ pageParam, signal }) => body(http.GET("/api/v1/audit", { params: { query: { limit: AUDIT_PAGE, ...(pageParam && { before: pageParam }) } }, signal })),
  initialPageParam: 0,
  getNextPageParam: (page) => page.next ?? undefined,
});

export interface UserChange {
  role?: Role;
  disabled?: boolean;
  password?: string;
}

export function addUser(name: string, role: Role, password: string) {
  return body(http.POST("/api/v1/users", { body: { name, role, ...(password && { password }) } }));
}

export function changeUser(name: string, change: UserChange) {
  return body(http.PATCH("/api/v1/users/{name}", { params: { path: { name } }, body: change }));
}

export function createToken(name: string, role: Role, days: number | null) {
  return body(http.POST("/api/v1/tokens", { body: { name, role, ...(days && { days }) } }));
}

export function revokeToken(id: number) {
  return body(http.DELETE("/api/v1/tokens/{token_id}", { params: { path: { token_id: id } } }));
}

export function addWebhook(url: string, events: WebhookEvent[], overlapFloor: number) {
  return body(http.POST("/api/v1/webhooks", { body: { url, events, overlap_floor: overlapFloor } }));
}

export function removeWebhook(id: number) {
  return body(http.DELETE("/api/v1/webhooks/{webhook_id}", { params: { path: { webhook_id: id } } }));
}

export function testWebhook(id: number) {
  return body(http.POST("/api/v1/webhooks/{webhook_id}/test", { params: { path: { webhook_id: id } } }));
}

export function sendAgain(id: number, message: string) {
  return body(http.POST("/api/v1/webhooks/{webhook_id}/deliveries/{message_id}/again", { params: { path: { webhook_id: id, message_id: message } } }));
}
