import { useEffect, useState } from "preact/hooks";
import { onChange, read, type Session } from "../api/session";

/** Who is signed in, in whichever tab that happened; null if nobody is. */
export function useSession(): Session | null {
  const [session, setSession] = useState(read);
  useEffect(() => {
    const update = () => {
      const stored = read();
      // New tokens make no other session.
      setSession((shown) => (shown?.id === stored?.id ? shown : stored));
    };
    return onChange(update);
  }, []);
  return session;
}
