/** The generated TypeScript client against a live server: registering, signing in and out. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { TokenRequest } from "items-api-client";
import { client, form, header, password, present, register, signIn, withToken } from "./client.js";

const askForTokens = (body: TokenRequest) => client.POST("/api/auth/token", { body, headers: form });

test("a user registers, signs in and signs out", async () => {
  const email = await register();
  const tokens = await signIn(email);
  const ada = withToken(tokens.access_token);
  const me = await ada.GET("/api/users/me");
  assert.deepEqual([me.data?.email, me.data?.role, me.data?.active], [email, "user", true]);

  const refused = await ada.GET("/api/users");
  assert.equal(present(refused.error).type, "/errors/forbidden");
  assert.equal(present(refused.error).status, 403);

  const ended = await ada.POST("/api/auth/logout", {
    body: { token: tokens.refresh_token },
    headers: form,
  });
  assert.equal(ended.response.status, 204);
  const late = await ada.GET("/api/users/me");
  assert.equal(present(late.error).type, "/errors/invalid-token");
  assert.equal(present(late.error).status, 401);
  assert.match(header(late.response, "WWW-Authenticate"), /^Bearer/);
});

test("a refresh token is good for one use", async () => {
  const { refresh_token } = await signIn(await register());
  const renewed = await askForTokens({ grant_type: "refresh_token", refresh_token });
  const successor = present(renewed.data);
  assert.equal(successor.token_type, "Bearer");
  const again = await askForTokens({
    grant_type: "refresh_token",
    refresh_token: successor.refresh_token,
  });
  assert.equal(again.response.status, 200);
  const usedUp = await askForTokens({ grant_type: "refresh_token", refresh_token });
  assert.equal(usedUp.response.status, 400);
  assert.equal(present(usedUp.error).error, "invalid_grant");
});

test("who may not sign in reads why", async () => {
  const email = await register();
  const taken = await client.POST("/api/auth/register", { body: { email, password } });
  assert.equal(present(taken.error).type, "/errors/email-taken");
  assert.equal(present(taken.error).status, 409);
  const wrong = await askForTokens({ grant_type: "password", username: email, password: "wrong" });
  assert.equal(present(wrong.error).error, "invalid_grant");
  const incomplete = await askForTokens({ grant_type: "password" });
  assert.equal(present(incomplete.error).error, "invalid_request");
});

test("who guesses too often is told when to come back", async () => {
  const username = `${randomUUID()}@example.com`;
  const guess = () => askForTokens({ grant_type: "password", username, password: "wrong" });
  let last = await guess();
  for (let more = 0; more < 10; more++) last = await guess();
  assert.equal(present(last.error).type, "/errors/rate-limited");
  assert.equal(present(last.error).status, 429);
  assert.ok(Number(header(last.response, "Retry-After")) > 0);
});
