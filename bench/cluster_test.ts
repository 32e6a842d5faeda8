import { assertEquals, assertRejects } from "@std/assert";
import { CORACLE, undisturbed, withCluster } from "./cluster.ts";

Deno.test("what a node cannot do rejects, and the node goes on", async () => {
  await withCluster(CORACLE, 1, async (leader) => {
    await assertRejects(
      () => leader.ask({ type: "addVoter", id: "n2", address: "" }),
      Error,
      "node n1 cannot addVoter",
    );
    assertEquals(await leader.ask({ type: "apply", size: 8 }), true);
  });
});

Deno.test("a measurement that is disturbed is made anew, and not for ever", async () => {
  const said = console.error;
  console.error = () => {};
  try {
    let tries = 0;
    const result = await undisturbed(() => {
      tries += 1;
      return tries < 3 ? Promise.reject(new Error("an election")) : Promise.resolve(tries);
    });
    assertEquals(result, 3);
    await assertRejects(
      () => undisturbed(() => Promise.reject(new Error("always"))),
      Error,
      "always",
    );
  } finally {
    console.error = said;
  }
});
