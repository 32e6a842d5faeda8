/**
 * What a command of a golden script is made of: words, and how they are read.
 *
 * @module
 */
import {
  completeConfig,
  type Configuration,
  DEFAULT_CONFIG,
  nameStores,
  type RaftConfig,
  type ServerId,
  type Suffrage,
} from "@coracle/core";
import type { CoreNode } from "../core_node.ts";
import { testStoreId } from "../test_store_id.ts";
import type { ScriptCluster } from "./cluster.ts";

/** A command taken apart: words, and `name=value` pairs. */
export interface Words {
  /** The words after the command's name. */
  readonly words: readonly string[];
  /** The pairs. */
  readonly options: ReadonlyMap<string, string>;
}

/** Does what a command says. Throws an `Error` that says what is wrong with its words. */
export type Command = (cluster: ScriptCluster, words: Words) => void;

/** A whole number. */
export function whole(word: string | undefined): number {
  if (word === undefined || !/^\d+$/.test(word)) throw new Error(`${word} is not a whole number`);
  return Number(word);
}

/** A positive number. */
export function positive(word: string | undefined): number {
  const number = Number(word);
  if (word === undefined || !(number > 0)) throw new Error(`${word} is not a number above 0`);
  return number;
}

/** One of the words that are allowed. */
export function oneOf<Word extends string>(
  word: string | undefined,
  allowed: readonly Word[],
): Word {
  const found = allowed.find((one) => one === word);
  if (found === undefined) throw new Error(`${word} is not one of ${allowed.join(", ")}`);
  return found;
}

/** Settings of the consensus by name; `others` are names that are no settings. */
export function settings(
  options: ReadonlyMap<string, string>,
  others: readonly string[],
): Partial<RaftConfig> {
  const config: Record<string, number | boolean> = {};
  for (const [name, value] of options) {
    if (Object.hasOwn(DEFAULT_CONFIG, name)) {
      const isFlag = typeof DEFAULT_CONFIG[name as keyof RaftConfig] === "boolean";
      config[name] = isFlag ? value === "true" : Number(value);
    } else if (!others.includes(name)) throw new Error(`no option ${name}`);
  }
  completeConfig(config);
  return config;
}

/** `n1 n2* n3? n4+`: voters, those whose store is not named, members without a vote, and members that are to get it. */
export function configurationOf(words: readonly string[]): Configuration {
  const suffrages: Record<string, Suffrage> = { "?": "nonvoter", "+": "staging" };
  const unnamed = new Set<ServerId>();
  const servers = words.map((word) => {
    const id = word.replace(/[?+*]$/, "");
    const mark = word.slice(id.length);
    if (mark === "*") unnamed.add(id);
    return { id, address: id, suffrage: suffrages[mark] ?? "voter" };
  });
  return nameStores({ servers }, (id) => unnamed.has(id) ? undefined : testStoreId(id));
}

/** The nodes that are named, or all but `id`. */
export function peersOf(
  cluster: ScriptCluster,
  id: string | undefined,
  ids: readonly string[],
): CoreNode[] {
  if (ids.length > 0) return ids.map((one) => cluster.node(one));
  return cluster.up.filter((node) => node.id !== id);
}

/** The link that is named, or all links with messages. */
export function linksOf(
  cluster: ScriptCluster,
  [from, to]: readonly string[],
): [ServerId, ServerId][] {
  if (from === undefined) return cluster.busyLinks();
  return [[cluster.node(from).id, cluster.node(to).id]];
}
