/**
 * Tokens: where they come from, and what is compared with them.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { InvalidConfigError } from "@coracle/core";
import { readToken, TokenCheck } from "./token.ts";

const TOKEN = "0123456789abcdef-a-secret";

async function withFile(text: string, use: (file: string) => Promise<void>): Promise<void> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, text);
    await use(file);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("a token is the one line of a file, or an environment variable", async () => {
  for (const text of [TOKEN, `${TOKEN}\n`, `${TOKEN}\r\n`]) {
    await withFile(text, async (file) => {
      assertEquals(await readToken({ setting: "tokenFile", file }), TOKEN);
    });
  }
  Deno.env.set("CORACLE_TEST_TOKEN", TOKEN);
  try {
    const source = { setting: "tokenEnv", variable: "CORACLE_TEST_TOKEN" };
    assertEquals(await readToken(source), TOKEN);
  } finally {
    Deno.env.delete("CORACLE_TEST_TOKEN");
  }
});

Deno.test("what is no token is refused, and not shown", async () => {
  const refusal = async (source: Parameters<typeof readToken>[0]) =>
    (await assertRejects(() => readToken(source), InvalidConfigError)).message;
  for (const text of ["", "short-secret", `${TOKEN} ${TOKEN}`, `${TOKEN}\n\n`, "ä".repeat(20)]) {
    await withFile(text, async (file) => {
      const message = await refusal({ setting: "tokenFile", file });
      assertEquals(
        message,
        `tokenFile is ${JSON.stringify(file)} (it holds ${
          text.replace(/\n$/, "").length
        } characters, or some that are not allowed); ` +
          "allowed is a file with a token, one line of 16 to 1024 letters, digits and signs",
      );
      assert(!message.includes("secret"));
    });
  }
  const missing = { setting: "--token-file", file: "/nowhere/token" };
  assertStringIncludes(await refusal(missing), "(it does not exist)");
  const unset = { setting: "--token-env", variable: "CORACLE_NO_SUCH_TOKEN" };
  assertStringIncludes(
    await refusal(unset),
    '--token-env is "CORACLE_NO_SUCH_TOKEN" (it is not set); allowed is a variable with a token',
  );
});

Deno.test("only the token itself passes", async () => {
  await withFile(TOKEN, async (file) => {
    const check = await TokenCheck.load({ setting: "tokenFile", file });
    for (const scheme of ["Bearer", "bearer"]) {
      assertEquals(check.problem(`${scheme} ${TOKEN}`), undefined);
    }
    for (const given of [undefined, "", TOKEN, `Basic ${TOKEN}`, "Bearer", `Bearer ${TOKEN} x`]) {
      assertEquals(
        check.problem(given),
        "a token is needed: authorization: Bearer TOKEN, or --token-file on the command line",
        given,
      );
    }
    for (const given of [`${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase(), "x"]) {
      assertEquals(check.problem(`Bearer ${given}`), "the token is wrong", given);
    }
    assert(!Deno.inspect(check, { showHidden: true, depth: 9 }).includes(TOKEN));
  });
});

Deno.test("a token is replaced while the node runs, unless the new one is none", async () => {
  await withFile(TOKEN, async (file) => {
    const check = await TokenCheck.load({ setting: "tokenFile", file });
    const next = TOKEN.replace("secret", "another");
    await Deno.writeTextFile(file, next);
    await check.reload();
    assertEquals(check.problem(`Bearer ${next}`), undefined);
    assertEquals(check.problem(`Bearer ${TOKEN}`), "the token is wrong");
    await Deno.writeTextFile(file, "short");
    await assertRejects(() => check.reload(), InvalidConfigError);
    assertEquals(check.problem(`Bearer ${next}`), undefined);
  });
});
