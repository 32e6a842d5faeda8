/**
 * The page as people use it: words, leadership, nodes that are killed, paused and cut off.
 *
 * Pictures of it are written into a temporary folder, which is printed.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { card, leader, pageTest } from "./stage.ts";

const TITLE =
  "the page shows a cluster, changes it, and goes on when the node that has served it is killed";

pageTest(TITLE, async (stage, test) => {
  const { context, urls, pictures } = stage;
  const page = context.pages()[0] ?? await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
  });
  const picture = (name: string) =>
    page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  await page.goto(urls[0]!);
  let leading = await leader(page);

  await test.step("all nodes are there, from whichever node it comes", async () => {
    for (const id of ["n1", "n2", "n3"]) {
      await card(page, id).getByText(id === leading ? "Leader" : "Follower", { exact: true })
        .waitFor();
    }
    await page.getByText("all 3 nodes answer").first().waitFor();
  });

  await test.step("a word is added", async () => {
    await page.getByLabel("A word to add").fill("coracle");
    await page.keyboard.press("Enter");
    await page.getByText(/^coracle is entry \d+$/).waitFor();
    await page.getByRole("list", { name: "The best words" }).getByText("coracle").waitFor();
    assertEquals(await page.getByLabel("A word to add").inputValue(), "");
  });

  await test.step("leadership is moved with the keyboard alone", async () => {
    const next = ["n1", "n2", "n3"].find((id) => id !== leading)!;
    const button = card(page, next).getByRole("button", { name: "Make leader" });
    for (let presses = 0; !await isFocused(button); presses++) {
      assert(presses < 50, "the button is reached with Tab");
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
    assertEquals(await leader(page, leading), next);
    leading = next;
    await page.getByRole("log").getByText(`${next} leads in term`).waitFor();
    // Whoever pressed it is still there.
    assert(await isFocused(button));
    assertEquals(await button.getAttribute("aria-disabled"), "true");
  });

  await test.step("a snapshot is taken", async () => {
    await card(page, leading).getByRole("button", { name: "Snapshot" }).click();
    await page.getByText(RegExp(`^${leading} has a snapshot up to entry \\d+$`)).first().waitFor();
  });

  await test.step("the page goes on when its own node, which leads, is killed", async () => {
    const at = Number(leading.slice(1)) - 1;
    await page.goto(urls[at]!);
    await page.getByRole("button", { name: "Write all the time" }).click();
    await page.getByText(/^[\d,]+ words acknowledged/).waitFor();
    await picture("light");
    await card(page, leading).getByRole("button", { name: "Kill" }).click();
    await card(page, leading).getByText("Killed", { exact: true }).waitFor();
    const next = await leader(page, leading);
    await card(page, next).getByText("Leader", { exact: true }).waitFor();
    await page.getByText("2 of 3 nodes answer").first().waitFor();
    await page.getByLabel("A word to add").fill("paddle of ash");
    await page.keyboard.press("Enter");
    await page.getByText(/^paddle of ash is entry \d+$/).waitFor();
    await picture("killed");
    await card(page, leading).getByRole("button", { name: "Start" }).click();
    await page.getByText("all 3 nodes answer").first().waitFor();
    await page.getByRole("button", { name: "Stop writing" }).click();
    leading = await leader(page);
  });

  await test.step("a node that is paused is shown as one that does not answer, until it goes on", async () => {
    const paused = ["n1", "n2", "n3"].find((id) => id !== leading)!;
    await card(page, paused).getByRole("button", { name: "Pause" }).click();
    await page.getByText("2 of 3 nodes answer").first().waitFor();
    await card(page, paused).getByText("Paused", { exact: true }).waitFor();
    await card(page, paused).getByText("What it last said:").waitFor();
    await card(page, paused).getByRole("button", { name: "Go on" }).click();
    await page.getByText("all 3 nodes answer").first().waitFor();
    await card(page, paused).getByText("Follower", { exact: true }).waitFor();
  });

  await test.step("a leader that is cut off leads no longer, another one does, and it comes back as a follower", async () => {
    const cut = leading;
    await card(page, cut).getByRole("button", { name: "Cut off" }).click();
    await card(page, cut).getByText("Cut off", { exact: true }).first().waitFor();
    const next = await leader(page, cut);
    await card(page, cut).getByText(/^It reaches no other node, and says: (Follower|Candidate)$/)
      .waitFor();
    await page.getByLabel("A word to add").fill("behind its back");
    await page.keyboard.press("Enter");
    await page.getByText(/^behind its back is entry \d+$/).waitFor();
    await picture("cut-off");
    await card(page, cut).getByRole("button", { name: "Let back" }).click();
    await card(page, cut).getByText("Follower", { exact: true }).waitFor();
    assertEquals(await leader(page), next);
    leading = next;
  });

  await test.step("it fits a phone, in light and dark", async () => {
    await page.setViewportSize({ width: 360, height: 780 });
    await page.emulateMedia({ colorScheme: "dark" });
    await picture("phone-dark");
    const [needed, width] = await page.evaluate("[document.body.scrollWidth, innerWidth]") as [
      number,
      number,
    ];
    assert(needed <= width, `${needed} px in ${width} px`);
    await page.setViewportSize({ width: 1280, height: 900 });
    await picture("dark");
  });

  assertEquals(complaints, []);
  const response = await fetch(urls[0]!);
  const policy = response.headers.get("content-security-policy")!;
  assertMatch(await response.text(), /^<!DOCTYPE html>/);
  assertMatch(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
  console.log(`pictures of the page: ${pictures}`);
});

async function isFocused(element: Locator): Promise<boolean> {
  const isActive = (node: unknown) =>
    node === (globalThis as unknown as { document: { activeElement: unknown } }).document
      .activeElement;
  return await element.evaluate(isActive);
}
