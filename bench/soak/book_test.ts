import { assertEquals, assertMatch } from "@std/assert";
import { Book } from "./book.ts";
import { numberOf, wordOf } from "./words.ts";

/** A log from index 1 on, with these words at these indexes. */
function log(nodeId: string, pairs: readonly (readonly [index: number, number: number])[]) {
  return { nodeId, firstIndex: 1, fromIndex: 0, words: Float64Array.from(pairs.flat()) };
}

/** Of three nodes, with words 0 to `count - 1` acknowledged at indexes 1 to `count`. */
function bookOf(count: number): Book {
  const book = new Book(3);
  for (let number = 0; number < count; number += 1) {
    assertEquals(book.send(), number);
    book.acknowledge(number, number + 1);
  }
  return book;
}

Deno.test("the word with the higher number is better, and each says its number", () => {
  assertEquals(wordOf(10) < wordOf(9), true);
  assertEquals(wordOf(10).length, wordOf(9_000_000).length);
  assertEquals([0, 9, 9_000_000].map((number) => numberOf(wordOf(number))), [0, 9, 9_000_000]);
  assertEquals(numberOf("harbour"), undefined);
});

Deno.test("a word is settled when a majority's disks hold it where it was acknowledged", () => {
  const book = bookOf(3);
  book.checkLog(log("n1", [[1, 0], [2, 1], [3, 2]]));
  assertEquals(book.settled, 0);
  book.checkLog(log("n2", [[1, 0], [2, 1]]));
  assertEquals([book.settled, book.fromIndex("n1"), book.fromIndex("n2")], [2, 3, 2]);
  book.checkLog(log("n3", [[1, 0], [2, 1], [3, 2]]));
  book.checkEnd();
  assertEquals([book.settled, book.problems], [3, []]);
});

Deno.test("a word that a log has lost, in the middle or at the end, is missed", () => {
  const middle = bookOf(3);
  middle.checkLog(log("n1", [[1, 0], [3, 2]]));
  assertMatch(middle.problems.join(), /n1 has lost word 1, acknowledged at 2/);
  const end = bookOf(3);
  for (const id of ["n1", "n2", "n3"]) end.checkLog(log(id, [[1, 0], [2, 1]]));
  end.checkEnd();
  assertMatch(end.problems.join(), /word 2, acknowledged at 3, is on 0 disks of 3/);
});

Deno.test("the rest of an earlier leader's log, after all that was acknowledged, is no loss", () => {
  const book = bookOf(2);
  const unknown = book.send();
  book.loseSightOf(unknown);
  book.checkLog(log("n1", [[1, 0], [2, unknown]]));
  assertEquals(book.problems, []);
});

Deno.test("a word that stands twice, was refused, or was never sent is found", () => {
  const twice = bookOf(2);
  twice.checkLog(log("n1", [[1, 0], [2, 1], [3, 0]]));
  assertMatch(twice.problems.join(), /n1 holds word 0 at 3; it is acknowledged at 1/);
  const unknownTwice = bookOf(1);
  unknownTwice.loseSightOf(unknownTwice.send());
  unknownTwice.checkLog(log("n1", [[1, 0], [2, 1], [3, 1]]));
  assertMatch(unknownTwice.problems.join(), /n1 holds word 1 at 3; it also stands at 2/);
  const refused = bookOf(1);
  refused.refuse(refused.send());
  refused.checkLog(log("n1", [[1, 0], [2, 1]]));
  assertMatch(refused.problems.join(), /word 1 stands at 2, and was refused/);
  const strange = bookOf(1);
  strange.checkLog(log("n1", [[1, 0], [2, 77]]));
  assertMatch(strange.problems.join(), /n1 holds word 77, which nobody has sent/);
});

Deno.test("a word that was compacted before a majority's disks were seen to hold it is missed", () => {
  const book = bookOf(3);
  for (const nodeId of ["n1", "n2", "n3"]) {
    book.checkLog({ ...log(nodeId, [[3, 2]]), firstIndex: 3 });
  }
  assertMatch(book.problems.join(), /word 0, acknowledged at 1, was never seen/);
  assertEquals(book.settled, 1);
});

Deno.test("a read that shows less than was acknowledged before it is found", () => {
  const book = bookOf(3);
  const { lastNumber, lastIndex } = book;
  book.checkRead({ lastNumber, lastIndex }, { readAtIndex: 3, best: 2 });
  assertEquals(book.problems, []);
  book.checkRead({ lastNumber, lastIndex }, { readAtIndex: 2, best: 2 });
  book.checkRead({ lastNumber, lastIndex }, { readAtIndex: 3, best: 1 });
  assertEquals(book.problems.length, 2);
});

Deno.test("the highest words are those that were acknowledged or are found in a log", () => {
  const book = bookOf(2);
  for (const _ of [2, 3]) book.loseSightOf(book.send());
  book.checkLog(log("n1", [[1, 0], [2, 1], [3, 3]]));
  assertEquals(book.highest(3), [3, 1, 0]);
});
