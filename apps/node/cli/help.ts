/**
 * How help is laid out: no line is longer than the terminal is wide, or than 80 columns elsewhere, and what is to be typed stays on one line.
 *
 * @module
 */
import { Help, type HelpConfiguration } from "commander";

/** A term that is longer than this, such as a flag with its values, stands on a line of its own, and what it means below it. */
const TERM_WIDTH_MAX = 32;
/** Text is not squeezed into fewer columns than these; on a terminal that is so narrow, lines are cut or broken by it. */
const TEXT_WIDTH_MIN = 20;
const WIDTH = 80;

/** The layout, for a command and those below it. */
export const HELP_LAYOUT: HelpConfiguration = {
  minWidthToWrap: TEXT_WIDTH_MIN,
  padWidth: (command, helper) =>
    Math.min(Help.prototype.padWidth.call(helper, command, helper), TERM_WIDTH_MAX),
  formatItem: (term, termWidth, description, helper) => {
    const item = (first: string) =>
      Help.prototype.formatItem.call(helper, first, termWidth, description, helper);
    return helper.displayWidth(term) <= termWidth ? item(term) : `  ${term}\n${item("")}`;
  },
};

/** Lines that can be typed, each with what it does: beside it, or below it if that is too much for one line. */
export function exampleLines(
  examples: readonly (readonly [typed: string, meaning: string])[],
): string[] {
  const typedWidth = Math.max(...examples.map(([typed]) => typed.length));
  const beside = examples.map(([typed, meaning]) => `  ${typed.padEnd(typedWidth)}  ${meaning}`);
  if (beside.every((line) => line.length <= WIDTH)) return beside;
  return examples.flatMap(([typed, meaning]) => [`  ${typed}`, `      ${meaning}`]);
}
