/**
 * The few messages that tests exchange with nodes, written and read by hand: what a node says is held to the
 * published field numbers, and not to the code that the node itself uses.
 *
 * @module
 */

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** A message whose field `field` is `text`, or bytes that may be no text. Messages one after another are one message with the fields of all. */
export function encodeText(text: string | Uint8Array, field = 1): Uint8Array {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const head = [field << 3 | LENGTH_DELIMITED, ...varint(bytes.length)];
  const message = new Uint8Array(head.length + bytes.length);
  message.set(head);
  message.set(bytes, head.length);
  return message;
}

/** What a message says: for each field its values in order, numbers or bytes. */
export function decodeFields(message: Uint8Array): Map<number, (number | Uint8Array)[]> {
  const fields = new Map<number, (number | Uint8Array)[]>();
  let offset = 0;
  const readVarint = (): number => {
    for (let value = 0, weight = 1;; weight *= 128) {
      const byte = message[offset++];
      if (byte === undefined) throw new Error("the message ends within a number");
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return value;
    }
  };
  while (offset < message.length) {
    const key = readVarint();
    let value: number | Uint8Array = readVarint();
    if ((key & 7) === LENGTH_DELIMITED) {
      const end = offset + value;
      value = message.subarray(offset, end);
      offset = end;
    } else if ((key & 7) !== VARINT) {
      throw new Error(`the message has a field of type ${key & 7}`);
    }
    fields.set(key >> 3, [...fields.get(key >> 3) ?? [], value]);
  }
  return fields;
}

/** Field `field` as a number; 0 if the message does not have it, as protobuf has it. */
export function numberField(message: Uint8Array, field: number): number {
  return decodeFields(message).get(field)?.at(-1) as number | undefined ?? 0;
}

/** All values of field `field` as text. */
export function textFields(message: Uint8Array, field: number): string[] {
  const values = decodeFields(message).get(field) as Uint8Array[] | undefined ?? [];
  return values.map((bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}

function varint(value: number): number[] {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push(value % 128 | 0x80);
  return [...bytes, value];
}
