/**
 * Another machine, as far as JavaScript can tell: another day, other dice, another time zone and another locale. What comes
 * out differently there is not replicated.
 *
 * @module
 */
import type { Prng } from "../prng.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Further to the east than any time zone is, so that it is no machine's own. */
const ZONE_OFFSET_MS = 15.75 * 60 * 60 * 1000;

const LOCAL_PARTS = ["FullYear", "Month", "Date", "Day", "Hours", "Minutes", "Seconds"] as const;

/** Puts one property back to what it was. */
type PutBack = () => void;

/** What differs between machines. */
export interface Machine {
  /** Where its random numbers come from. */
  readonly dice: Prng;
  /** Whether its clock, its time zone and its locale are others than this one's. */
  readonly isFar: boolean;
}

/**
 * Runs `work` as if on another machine. Until it is done, the globals of this realm are replaced, so nothing else should
 * run meanwhile.
 */
export async function onMachine<T>(
  { dice, isFar }: Machine,
  work: () => T | Promise<T>,
): Promise<T> {
  const putBacks = [...replaceDice(dice), ...(isFar ? [...replaceTime(), ...replaceLocale()] : [])];
  try {
    return await work();
  } finally {
    for (const putBack of putBacks.reverse()) putBack();
  }
}

function replace(target: object, key: PropertyKey, value: unknown): PutBack {
  const before = Object.getOwnPropertyDescriptor(target, key);
  Object.defineProperty(target, key, {
    value,
    configurable: true,
    writable: true,
    enumerable: before?.enumerable ?? false,
  });
  return () => {
    if (before === undefined) Reflect.deleteProperty(target, key);
    else Object.defineProperty(target, key, before);
  };
}

function replaceDice(dice: Prng): PutBack[] {
  const hex = (digits: number) =>
    Array.from({ length: digits }, () => dice.int(0, 15).toString(16)).join("");
  const fill = <Target extends ArrayBufferView>(target: Target): Target => {
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = dice.int(0, 255);
    return target;
  };
  return [
    replace(Math, "random", () => dice.next()),
    replace(crypto, "getRandomValues", fill),
    replace(crypto, "randomUUID", () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`),
  ];
}

function replaceTime(): PutBack[] {
  const Here = Date;
  const now = () => Here.now() + DAY_MS;
  const local = (date: Date) => new Here(date.getTime() + ZONE_OFFSET_MS);
  const shift = (parts: number[]): number =>
    Here.UTC(...parts as Parameters<typeof Here.UTC>) - ZONE_OFFSET_MS;
  // What is made there is a Date like any other: only what it says of itself in local time differs.
  const There = new Proxy(Here, {
    construct: (_, args) =>
      args.length === 0
        ? new Here(now())
        : new Here(args.length === 1 ? args[0] : shift(args as number[])),
    apply: () => new Here(now()).toString(),
    get: (target, key, receiver) => key === "now" ? now : Reflect.get(target, key, receiver),
  });
  const prototype = Here.prototype;
  const performanceNow = performance.now.bind(performance);
  return [
    replace(globalThis, "Date", There),
    replace(performance, "now", () => performanceNow() + DAY_MS),
    replace(prototype, "getTimezoneOffset", () => -ZONE_OFFSET_MS / 60_000),
    ...LOCAL_PARTS.map((part) => {
      return replace(prototype, `get${part}`, function (this: Date) {
        return local(this)[`getUTC${part}`]();
      });
    }),
    ...["toString", "toDateString", "toTimeString", "toLocaleString", "toLocaleDateString"].concat(
      "toLocaleTimeString",
    ).map((name) =>
      replace(prototype, name, function (this: Date) {
        return `${local(this).toISOString()} elsewhere`;
      })
    ),
  ];
}

/** Where no locale is asked for, everything is sorted the other way round and written as elsewhere. */
function replaceLocale(): PutBack[] {
  const text = String.prototype;
  const { localeCompare, toLocaleUpperCase, toLocaleLowerCase } = text;
  const { toLocaleString } = Number.prototype;
  const Collator = Intl.Collator;
  type Locales = Intl.LocalesArgument;
  class OtherCollator extends Collator {
    override readonly compare: Intl.Collator["compare"];

    constructor(locales?: Locales, options?: Intl.CollatorOptions) {
      super(locales, options);
      const compare = super.compare;
      this.compare = locales === undefined ? (a, b) => compare(b, a) : compare;
    }
  }
  return [
    replace(
      text,
      "localeCompare",
      function (this: string, other: string, locales?: Locales, options?: Intl.CollatorOptions) {
        return locales === undefined
          ? localeCompare.call(other, String(this), locales, options)
          : localeCompare.call(this, other, locales, options);
      },
    ),
    replace(text, "toLocaleUpperCase", function (this: string, locales: Locales = "tr") {
      return toLocaleUpperCase.call(this, locales);
    }),
    replace(text, "toLocaleLowerCase", function (this: string, locales: Locales = "tr") {
      return toLocaleLowerCase.call(this, locales);
    }),
    replace(
      Number.prototype,
      "toLocaleString",
      function (this: number, locales: Locales = "de", options?: Intl.NumberFormatOptions) {
        return toLocaleString.call(this, locales, options);
      },
    ),
    replace(Intl, "Collator", OtherCollator),
  ];
}
