import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { decodeIdentity, encodeIdentity, storeIdBytes, storeIdOf } from "./identity.ts";

const storeId = "4f0c7bd2-94d8-4c3a-9d1f-3c1f6d8c2a11";

Deno.test("an identity comes back as it was written", () => {
  const nodeIds = fc.option(fc.string({ unit: "grapheme" }), { nil: undefined });
  fc.assert(fc.property(fc.uuid(), nodeIds, (storeId, nodeId) => {
    const identity = { storeId, nodeId };
    assertEquals(decodeIdentity(encodeIdentity(identity)), { ok: true, identity });
    assertEquals(storeIdOf(storeIdBytes(storeId)), storeId);
  }));
});

Deno.test("an identity that was changed says so", () => {
  const text = new TextDecoder().decode(encodeIdentity({ storeId, nodeId: "n1" }));
  const decoded = (changed: string) => decodeIdentity(new TextEncoder().encode(changed));
  for (
    const [changed, found] of [
      ["", '""'],
      ["null", "null"],
      [text.replace('"n1"', '"n2"'), "checksum"],
      [text.replace('"n1"', "1"), "1"],
      [text.replace(storeId, "x"), '"x"'],
      [text.replace("4f0c", "4f0d"), "checksum"],
    ] as const
  ) {
    const result = decoded(changed);
    assertFalse(result.ok);
    assertFalse(result.otherVersion);
    assertStringIncludes(result.found, found);
  }
  const later = decoded(text.replace(": 1", ": 3"));
  assertEquals(later, {
    ok: false,
    otherVersion: true,
    expected: "format version 1",
    found: "format version 3",
  });
});
