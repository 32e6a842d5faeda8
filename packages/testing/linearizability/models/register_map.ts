/**
 * A map of registers: each key holds a text or nothing, and has nothing to do with the others.
 *
 * @module
 */
import { groupsByKey, type Model } from "../model.ts";

/** What is asked of a register. */
export type RegisterInput =
  /** Its value. */
  | { readonly type: "get"; readonly key: string }
  /** Replaces its value. */
  | { readonly type: "put"; readonly key: string; readonly value: string }
  /** Puts `value` behind what it holds. */
  | { readonly type: "append"; readonly key: string; readonly value: string }
  /** Replaces its value if that is `expected`; `undefined` stands for nothing. */
  | {
    readonly type: "cas";
    readonly key: string;
    readonly expected: string | undefined;
    readonly value: string;
  };

/** What a register answers. */
export type RegisterOutput =
  /** To a get; `undefined` if it holds nothing. */
  | { readonly type: "value"; readonly value: string | undefined }
  /** To a put or an append. */
  | { readonly type: "written" }
  /** To a cas: whether the value was what was expected. */
  | { readonly type: "swapped"; readonly swapped: boolean };

/** The state is the value of one register, since each key is a group of its own. */
export const registerMapModel: Model<string | undefined, RegisterInput, RegisterOutput> = {
  init: () => undefined,
  step: (state, input, output) => {
    switch (input.type) {
      case "get":
        if (output === undefined) return { state };
        return output.type === "value" && output.value === state ? { state } : undefined;
      case "put":
        return isWritten(output) ? { state: input.value } : undefined;
      case "append":
        return isWritten(output) ? { state: (state ?? "") + input.value } : undefined;
      case "cas": {
        const swapped = state === input.expected;
        if (output !== undefined && (output.type !== "swapped" || output.swapped !== swapped)) {
          return undefined;
        }
        return { state: swapped ? input.value : state };
      }
    }
  },
  key: (state) => state === undefined ? "-" : `=${state}`,
  isRead: (input, output) =>
    input.type === "get" || input.type === "cas" && output?.type === "swapped" && !output.swapped,
  partition: (operations) => groupsByKey(operations, ({ key }) => key),
  describe: (input, output) =>
    `${inputText(input)}${output === undefined ? "" : outputText(output)}`,
  describeState: valueText,
};

function isWritten(output: RegisterOutput | undefined): boolean {
  return output === undefined || output.type === "written";
}

function inputText(input: RegisterInput): string {
  switch (input.type) {
    case "get":
      return `get ${input.key}`;
    case "put":
    case "append":
      return `${input.type} ${input.key} ${valueText(input.value)}`;
    case "cas":
      return `cas ${input.key} ${valueText(input.expected)} to ${valueText(input.value)}`;
  }
}

function outputText(output: RegisterOutput): string {
  switch (output.type) {
    case "value":
      return ` -> ${valueText(output.value)}`;
    case "written":
      return " -> written";
    case "swapped":
      return output.swapped ? " -> swapped" : " -> not swapped";
  }
}

function valueText(value: string | undefined): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
