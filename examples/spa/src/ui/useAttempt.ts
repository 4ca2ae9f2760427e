import { useRef, useState } from "preact/hooks";
import { Failure } from "../api/failure";

/** Runs what may fail, one at a time, and keeps why it failed until the next attempt. */
export function useAttempt() {
  const [isBusy, setIsBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const isRunning = useRef(false);

  async function attempt(work: () => Promise<void>): Promise<void> {
    if (isRunning.current) return; // A second click comes before the button is redrawn.
    isRunning.current = true;
    setIsBusy(true);
    setFailure(null);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      setFailure(error);
    } finally {
      isRunning.current = false;
      setIsBusy(false);
    }
  }

  return { isBusy, failure, attempt };
}
