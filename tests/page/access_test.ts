/**
 * The page for everybody: contrast, and what Chromium tells a screen reader.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { CDPSession, Page } from "playwright-core";
import { lookForWeakContrast } from "./contrast.js";
import { card, leader, pageTest } from "./stage.ts";

/** One thing that Chromium tells a screen reader of. */
interface Told {
  readonly role: string;
  readonly name: string;
  readonly description: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** All of it. */
async function told(session: CDPSession): Promise<Told[]> {
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  return nodes.filter(({ ignored }) => !ignored).map((node) => ({
    role: String(node.role?.value),
    name: String(node.name?.value ?? ""),
    description: String(node.description?.value ?? ""),
    properties: Object.fromEntries(
      (node.properties ?? []).map(({ name, value }) => [name, value.value]),
    ),
  }));
}

async function contrast(page: Page): Promise<{ checked: number; weak: string[] }> {
  return await page.evaluate(lookForWeakContrast);
}

const NAMED = ["button", "textbox", "checkbox", "link", "article", "region", "dialog", "heading"];

pageTest(
  "the page can be read by everybody: by contrast, and by what a screen reader is told",
  async (stage, test) => {
    const page = await stage.open();
    const leading = await leader(page);
    await page.getByText("all 3 nodes answer").first().waitFor();
    // With something of everything: what was done, what has failed, a node that does not answer, one that is cut off.
    await page.getByLabel("A word to add").fill("coracle");
    await page.keyboard.press("Enter");
    await page.getByText(/^coracle is entry \d+$/).waitFor();
    await page.getByLabel("Name").fill("n1");
    await page.getByLabel("Address for the members").fill("127.0.0.1:1");
    await page.getByRole("button", { name: "Add member" }).click();
    await page.locator("#member-outcome[data-kind=failed], #member-outcome[data-kind=done]")
      .waitFor();
    const [paused, cut] = ["n1", "n2", "n3"].filter((id) => id !== leading) as [string, string];

    for (const colorScheme of ["light", "dark"] as const) {
      await test.step(`text is easily read: ${colorScheme}`, async () => {
        await page.emulateMedia({ colorScheme });
        const { checked, weak } = await contrast(page);
        assert(checked > 60, `only ${checked} texts are seen`);
        assertEquals(weak, []);
      });
    }

    await test.step("text of nodes that do not answer is, too", async () => {
      await card(page, paused).getByRole("button", { name: "Pause" }).click();
      await card(page, paused).getByText("Paused", { exact: true }).waitFor();
      await card(page, paused).getByText("What it last said:").waitFor();
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        assertEquals((await contrast(page)).weak, []);
      }
      await card(page, paused).getByRole("button", { name: "Go on" }).click();
      await page.getByText("all 3 nodes answer").first().waitFor();
      await card(page, cut).getByRole("button", { name: "Cut off" }).click();
      await card(page, cut).getByText("Cut off", { exact: true }).first().waitFor();
      assertEquals((await contrast(page)).weak, []);
      await card(page, cut).getByRole("button", { name: "Let back" }).click();
    });

    await test.step("whatever can be used has a name, and buttons of nodes say of which", async () => {
      const all = await told(await stage.context.newCDPSession(page));
      for (const role of NAMED.filter((one) => one !== "dialog")) {
        assert(all.some((one) => one.role === role), `there is no ${role}`);
      }
      const nameless = all.filter(({ role, name }) => NAMED.includes(role) && name === "");
      assertEquals(nameless, []);
      const kills = all.filter(({ role, name }) => role === "button" && name === "Kill");
      assertEquals(kills.map(({ description }) => description), ["n1", "n2", "n3"]);
      const articles = all.filter(({ role }) => role === "article").map(({ name }) => name);
      assertEquals(articles, ["n1", "n2", "n3"]);
      const levels = all.filter(({ role }) => role === "heading")
        .map(({ properties }) => properties["level"] as number);
      assertEquals(levels[0], 1);
      levels.forEach((level, at) => assert(at === 0 || level <= levels[at - 1]! + 1, `${levels}`));
      const landmarks = ["banner", "main", "contentinfo"];
      for (const role of landmarks) assertEquals(all.filter((one) => one.role === role).length, 1);
    });

    await test.step("what happens is told, without taking the floor", async () => {
      const all = await told(await stage.context.newCDPSession(page));
      const [log] = all.filter(({ role }) => role === "log");
      assertEquals([log!.name, log!.properties["live"]], ["What has happened", "polite"]);
      const statuses = all.filter(({ role }) => role === "status");
      assert(statuses.length >= 1, "the summary is a status");
      for (const { properties } of statuses) assertEquals(properties["live"], "polite");
    });
  },
);
