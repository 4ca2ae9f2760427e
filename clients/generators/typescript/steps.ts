/** What the programs share. Each runs the steps of clients/generators/steps.py in their order. */
import assert from "node:assert/strict";

export const SERVER = process.argv[2]!;
export const ADA = { email: "ada@example.com", password: "correct horse battery" };
export const UNKNOWN = "00000000-0000-4000-8000-000000000000";
export const PAINT = {
  name: "Paint",
  description: "Two coats.",
  status: "doing" as const,
  quantity: 3,
  tags: ["kitchen", "wall"],
};

/** Print whether `calls` succeeded, as a line for the harness. */
export async function step(name: string, calls: () => Promise<void>): Promise<void> {
  try {
    await calls();
    console.log(`ok\t${name}`);
  } catch (error) {
    console.log(`failed\t${name}\t${String(error).split("\n").slice(0, 4).join(" ")}`);
  }
}

export function days(from: string | Date, number: number): Date {
  return new Date(new Date(from).getTime() + number * 86_400_000);
}

/** Every filter of a list, so that PAINT, created at this time, is the one item in it. */
export function filters(created_at: string) {
  return {
    status: ["todo" as const, "doing" as const],
    tag: PAINT.tags,
    q: "pai*",
    created_after: days(created_at, -1).toISOString(),
    created_before: days(created_at, 1).toISOString(),
    updated_after: days(created_at, -1).toISOString(),
    sort: "-name" as const,
    include_total: true,
    limit: 10,
  };
}

/** The status and the body of the error with which axios rejects `call`. */
export async function rejection(call: Promise<unknown>): Promise<{ status: number; data: any }> {
  try {
    await call;
  } catch (error) {
    return (error as { response: { status: number; data: unknown } }).response;
  }
  return assert.fail("the call did not fail");
}
