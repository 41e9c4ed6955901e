import { Skeleton, Stack } from "@mantine/core";

export function PageSkeleton() {
  return (
    <Stack p="lg" gap="md" role="group" aria-busy aria-label="Loading">
      <Skeleton height={32} width="min(320px, 60%)" />
      <Skeleton height={16} width="min(520px, 90%)" />
      <Skeleton height={280} mt="md" />
    </Stack>
  );
}
