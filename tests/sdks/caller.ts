// What TypeScript must know, and must reject, of the API: checked by the compiler, never run.
import type { components, operations } from "./api";

type Body<Name extends "verifySession" | "refreshSession"> =
  operations[Name]["requestBody"]["content"]["application/json"];
type Reply = operations["refreshSession"]["responses"][200]["content"]["application/json"];

export const verify: Body<"verifySession"> = { accessToken: "a", idRefreshToken: "i" };
export const refresh: Body<"refreshSession"> = { refreshToken: "r", idRefreshToken: "i" };
// @ts-expect-error a token is text
export const wrong: Body<"verifySession"> = { accessToken: 1, idRefreshToken: "i" };

export function cookie(reply: components["schemas"]["Created"]): string {
  const token: components["schemas"]["Token"] = reply.refreshToken;
  // @ts-expect-error its expiry is a number
  const wrong: string = token.expires;
  return wrong && `${token.value}; Expires=${new Date(token.expires).toUTCString()}`;
}

export function stolenFrom(reply: Reply): string | undefined {
  if (reply.status !== "UNAUTHORISED") return undefined;
  const theft = reply.sessionTheftDetected;
  // @ts-expect-error there is a session only if there was a theft
  theft.session;
  return theft.value ? theft.session.userId : undefined;
}
