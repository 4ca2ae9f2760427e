/**
 * Makes the Idempotency-Key of a write: for the same write the same again, so that it can be sent
 * again when nobody knows whether the first one arrived; for any other write a new one.
 */
export function writeKeys(): (input: unknown) => string {
  let key = "";
  let written = "";
  return (input) => {
    const text = JSON.stringify(input);
    if (text !== written) key = crypto.randomUUID();
    written = text;
    return key;
  };
}
