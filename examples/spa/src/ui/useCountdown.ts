import { useLayoutEffect, useState } from "preact/hooks";
import type { Failure } from "../api/failure";

/** How many seconds there are left to wait, as the server asked for (Retry-After). */
export function useCountdown(failure: Failure | null): number {
  const [left, setLeft] = useState(0);
  useLayoutEffect(() => {
    setLeft(failure?.retryAfter ?? 0);
    const timer = setInterval(() => setLeft((left) => Math.max(0, left - 1)), 1000);
    return () => clearInterval(timer);
  }, [failure]);
  return left;
}
