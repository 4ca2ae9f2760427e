const LONGEST_WAIT = 60;

/**
 * A `fetch` that sends a request up to `attempts` times, as long as the response says by Retry-After
 * that this helps, and then waits for the seconds that it asks for, 60 at most. A retry is the same
 * request with the same Idempotency-Key. A POST without one is only repeated after 429, when nothing
 * was written.
 */
export function retrying(attempts = 4): (request: Request) => Promise<Response> {
  return async (request) => {
    const safe = request.method !== "POST" || request.headers.has("Idempotency-Key");
    for (let left = attempts - 1; ; left--) {
      const response = await fetch(request.clone());
      const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
      const repeat = left > 0 && seconds <= LONGEST_WAIT && (safe || response.status === 429);
      if (!repeat) return response;
      await response.body?.cancel();
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  };
}
