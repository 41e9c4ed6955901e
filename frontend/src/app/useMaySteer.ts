import { useQuery } from "@tanstack/react-query";
import { sessionQuery } from "../api/queries";

/** Whether whoever is signed in may submit and change runs. The server decides; this only leaves out what it would refuse. */
export function useMaySteer(): boolean {
  const role = useQuery(sessionQuery).data?.role;
  return role === "operator" || role === "admin";
}
