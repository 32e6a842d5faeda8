/**
 * Messages as tests write them: the stores of sender and receiver go without saying.
 *
 * @module
 */
import { testStoreId } from "@coracle/testing";
import type { ServerId } from "../../model/configuration.ts";
import type { Message } from "../../model/message.ts";
import type { StoreId } from "../../model/store_id.ts";

type StoreField = "storeId" | "storeRefused";

type MayLeaveOut<One, Field extends PropertyKey> = One extends unknown
  ? Omit<One, Field> & Partial<Pick<One, Field & keyof One>>
  : never;

/** A message of one kind, or of any; what it does not say of stores is as it usually is. */
export type PlayedMessage<Type extends Message["type"] = Message["type"]> = MayLeaveOut<
  Extract<Message, { type: Type }>,
  StoreField | "removed"
>;

/** What `from` says, from its first disk, to the node whose store is `storeId`. */
export function played(message: PlayedMessage, from: ServerId, storeId: StoreId): Message {
  switch (message.type) {
    case "preVote":
    case "vote":
      return { storeId, ...message };
    case "append":
      return { storeRefused: false, removed: false, ...message };
    case "preVoteResult":
    case "voteResult":
    case "appendAccepted":
    case "appendRejected":
      return { storeId: testStoreId(from), ...message };
    default:
      return message;
  }
}
