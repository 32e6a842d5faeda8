/**
 * `transfer` and `step-down`: who leads.
 *
 * @module
 */
import { withAdmin } from "./admin.ts";
import type { ClientOptions } from "./client_options.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { printJson } from "./output.ts";

/** What `step-down` is asked to do. */
export interface StepDownOptions extends ClientOptions {
  /** Whether to print JSON. */
  readonly json: boolean;
}

/** What `transfer` is asked to do. */
export interface TransferOptions extends StepDownOptions {
  /** Who shall lead; without, the best voter, by priority and then by how far its log is. */
  readonly id: string | undefined;
}

/** Hands leadership over, and prints who leads then. */
export async function transfer(options: TransferOptions): Promise<ExitCode> {
  return await withAdmin(options, async (client) => {
    const { nodeId: from } = await client.status();
    await client.transferLeadership(options.id);
    const { nodeId: to, term } = await client.status();
    if (options.json) printJson({ from, to, term });
    else console.log(`${to} leads in term ${term}; before, ${from} did`);
    return EXIT.ok;
  });
}

/** Lets the leader lead no longer, and prints who leads then: perhaps the same. */
export async function stepDown(options: StepDownOptions): Promise<ExitCode> {
  return await withAdmin(options, async (client) => {
    const { nodeId: from } = await client.status();
    await client.stepDown();
    const { nodeId: to, term } = await client.status();
    if (options.json) printJson({ from, to, term });
    else console.log(`${from} has stepped down; ${to} leads in term ${term}`);
    return EXIT.ok;
  });
}
