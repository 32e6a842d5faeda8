/**
 * The node's page in a real browser, on a real cluster: three nodes, three processes, started by `deno task cluster`.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { freePorts } from "../support/ports.ts";
import { RunningProcess } from "../support/process.ts";

const CHROMIUM = "/usr/bin/chromium";
const PATIENCE_MS = 15_000;
const LAUNCH_FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Whether there is a browser; said once if not. */
const hasChromium = isFile(CHROMIUM);
if (!hasChromium) console.log(`the page is not tested: there is no ${CHROMIUM}`);

/** A cluster for trying out, and a browser. */
export class Stage implements AsyncDisposable {
  private constructor(
    /** Where the nodes' pages are. */
    readonly urls: readonly string[],
    /** The browser. */
    readonly context: BrowserContext,
    /** Where pictures go. */
    readonly pictures: string,
    /** A folder for whatever a test needs; removed in the end. */
    readonly directory: string,
    readonly cleanup: AsyncDisposableStack,
  ) {}

  /** Starts both; the nodes with the command's `flags`. */
  static async set(flags: readonly string[] = []): Promise<Stage> {
    await using cleanup = new AsyncDisposableStack();
    const directory = Deno.makeTempDirSync({ prefix: "coracle-" });
    cleanup.defer(() => Deno.remove(directory, { recursive: true }));
    const ports = freePorts(9);
    const task = cleanup.use(RunningProcess.deno([
      "task",
      "--quiet",
      "cluster",
      `--dir=${join(directory, "cluster")}`,
      `--grpc-port=${ports[0]}`,
      `--raft-port=${ports[3]}`,
      `--http-port=${ports[6]}`,
      ...flags,
    ], { ownGroup: true }));
    const context = await chromium.launchPersistentContext(join(directory, "browser"), {
      executablePath: CHROMIUM,
      args: LAUNCH_FLAGS,
      chromiumSandbox: false,
      viewport: { width: 1280, height: 900 },
      // Certificates for trying out are of no authority that a browser knows.
      ignoreHTTPSErrors: true,
    });
    cleanup.defer(() => context.close());
    context.setDefaultTimeout(PATIENCE_MS);
    const [, url] = await task.printed(/^in a browser:\n {2}(\S+)$/m);
    const { protocol, port } = new URL(url!);
    assertEquals(Number(port), ports[6]);
    const urls = [0, 1, 2].map((at) => `${protocol}//127.0.0.1:${ports[6]! + at}/`);
    return new Stage(
      urls,
      context,
      Deno.makeTempDirSync({ prefix: "coracle-page-" }),
      directory,
      cleanup.move(),
    );
  }

  /** The page of the first node. */
  async open(): Promise<Page> {
    const page = this.context.pages()[0] ?? await this.context.newPage();
    await page.goto(this.urls[0]!);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cleanup[Symbol.asyncDispose]();
  }
}

/** What the page says of one node. */
export function card(page: Page, id: string): Locator {
  return page.getByRole("article", { name: id, exact: true });
}

/** Who leads, as soon as one does that is not `except`. */
export async function leader(page: Page, except = ""): Promise<string> {
  const leads = page.getByRole("status").filter({
    hasText: except === "" ? /n\d leads/ : RegExp(`n[^${except.slice(1)}] leads`),
  });
  const text = await leads.first().textContent();
  return /n\d/.exec(text ?? "")![0];
}

/** A test with all of it, where there is a browser. */
export function pageTest(
  name: string,
  body: (stage: Stage, test: Deno.TestContext) => Promise<void>,
  flags: readonly string[] = [],
): void {
  Deno.test({
    name,
    ignore: !hasChromium,
    // The library keeps a process and its pipes for as long as a browser runs, and lets go of them a moment after.
    sanitizeOps: false,
    sanitizeResources: false,
  }, async (test) => {
    await using stage = await Stage.set(flags);
    await body(stage, test);
  });
}
