/**
 * Who is signed in, and requests made in their name.
 *
 * The tokens are in localStorage, which all tabs share, because of how refresh tokens rotate: each
 * can be used once, and using one again ends the session. sessionStorage is copied when a tab is
 * duplicated, so that two tabs would hold the same one; memory would sign out at each reload.
 * Scripts of other people could read the tokens in either: the page's policy admits none.
 */
import createClient from "openapi-fetch";
import type { paths } from "../generated/api";
import { address } from "./address";
import { accepted, dataOf, failureOf } from "./failure";

export interface Session {
  /** New at each sign-in: a request that was made in one session is never repeated in another. */
  id: string;
  email: string;
  accessToken: string;
  refreshToken: string;
}

/** The browser's name both for what is stored and for the lock that writing it takes. */
const SESSION = "items-session";
const FORM = { headers: { "Content-Type": "application/x-www-form-urlencoded" } };

const accounts = createClient<paths>({ baseUrl: address });
const events = new EventTarget();

/** Throws Failure. */
export async function register(email: string, password: string): Promise<void> {
  await accepted(accounts.POST("/api/auth/register", { body: { email, password } }));
}

/** Throws Failure. */
export async function signIn(email: string, password: string): Promise<void> {
  const body = { grant_type: "password", username: email, password } as const;
  const tokens = await dataOf(accounts.POST("/api/auth/token", { body, ...FORM }));
  const id = crypto.randomUUID();
  await exclusively(async () => {
    write({ id, email, accessToken: tokens.access_token, refreshToken: tokens.refresh_token });
  });
}

/** Signs out here at once, whether or not the server can be told. Throws Failure if it can't. */
export async function signOut(): Promise<void> {
  const session = await exclusively(async () => {
    const ended = read();
    write(null);
    return ended;
  });
  if (session === null) return;
  const body = { token: session.refreshToken };
  await accepted(accounts.POST("/api/auth/logout", { body, ...FORM }));
}

/** The signed-in user's session, or null. */
export function read(): Session | null {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(SESSION) ?? "null");
    return isSession(stored) ? stored : null;
  } catch {
    return null; // No storage, or nothing of ours in it.
  }
}

/** Calls `listener` when somebody signs in or out, in this tab or another. Returns the way out. */
export function onChange(listener: () => void): () => void {
  const abort = new AbortController();
  events.addEventListener("change", listener, abort);
  window.addEventListener("storage", listener, abort);
  return () => abort.abort();
}

/** Calls `listener` when the server has ended the session. Returns the way out. */
export function onEnd(listener: () => void): () => void {
  const abort = new AbortController();
  events.addEventListener("end", listener, abort);
  return () => abort.abort();
}

/** fetch() as the signed-in user. An access token that has expired is renewed, once. */
export async function fetchWithSession(request: Request): Promise<Response> {
  const session = read();
  if (session === null) return fetch(request);
  const again = request.clone(); // The body of a request can be sent only once.
  const response = await fetch(authorized(request, session));
  if (response.status !== 401) return response;
  const renewed = await renew(session);
  return renewed === null ? response : fetch(authorized(again, renewed));
}

function authorized(request: Request, session: Session): Request {
  request.headers.set("Authorization", `Bearer ${session.accessToken}`);
  return request;
}

/** The session with new tokens; null if it has ended. Throws Failure if that can't be found out. */
function renew(used: Session): Promise<Session | null> {
  return exclusively(async () => {
    const session = read();
    if (session?.id !== used.id) return null;
    // Whoever waited for the lock finds here what the one before has got.
    if (session.accessToken !== used.accessToken) return session;
    const release = await claim(session.refreshToken);
    if (release === null) return await changed(session);
    const body = { grant_type: "refresh_token", refresh_token: session.refreshToken } as const;
    let renewed = false;
    try {
      const { data, error, response } = await accounts.POST("/api/auth/token", { body, ...FORM });
      if (data !== undefined) {
        const next = write({
          ...session,
          accessToken: data.access_token,
          refreshToken: data.refresh_token,
        });
        renewed = true;
        return next;
      }
      if (response.status !== 400) throw failureOf(response, error);
    } finally {
      if (!renewed) release();
    }
    write(null);
    events.dispatchEvent(new Event("end"));
    return null;
  });
}

/**
 * Takes a refresh token for this tab, until it is released or the tab goes; null if another tab has
 * used it. Locks are the same for all tabs at once, and localStorage is not: it can be a moment
 * behind what another tab wrote, even one that held the lock before.
 */
function claim(token: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    const hold = (lock: Lock | null) => {
      if (lock === null) return resolve(null);
      return new Promise<void>((release) => resolve(release));
    };
    navigator.locks.request(`${SESSION} ${token}`, { ifAvailable: true }, hold).catch(reject);
  });
}

/** What another tab has made of `session`, once that has come here. */
async function changed(session: Session): Promise<Session | null> {
  for (;;) {
    const now = read();
    if (now?.id !== session.id) return null;
    if (now.accessToken !== session.accessToken) return now;
    await new Promise((resolve) => window.addEventListener("storage", resolve, { once: true }));
  }
}

/** One at a time, over all tabs. */
async function exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
  return await navigator.locks.request(SESSION, work);
}

function write<Stored extends Session | null>(session: Stored): Stored {
  if (session === null) localStorage.removeItem(SESSION);
  else localStorage.setItem(SESSION, JSON.stringify(session));
  events.dispatchEvent(new Event("change"));
  return session;
}

function isSession(stored: unknown): stored is Session {
  const names = ["id", "email", "accessToken", "refreshToken"];
  return typeof stored === "object" && stored !== null && names.every((name) => name in stored);
}
