import { Alert, Button } from "@mantine/core";
import { ApiError } from "../api/client";

/** Why something did not work, in the server's words, and the way to try again. */
export function ProblemAlert({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  const fields = error instanceof ApiError ? error.fields : [];
  return (
    <Alert color="red" variant="light" role="alert" title={error.message}>
      {fields.map((f) => (
        <div key={f.field + f.message}>
          {f.field && <code>{f.field}</code>} {f.message}
        </div>
      ))}
      {onRetry && (
        <Button variant="default" size="xs" mt="xs" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}
