/**
 * What wrappers of a state machine do with its answers, which may be promises, also those of another library.
 *
 * @module
 */

/** Calls `then` with `answer`: at once, or when it has come. */
export function answered<Answer, Result>(
  answer: Answer | PromiseLike<Answer>,
  then: (answer: Answer) => Result,
): Result | Promise<Result> {
  return isPromise(answer) ? Promise.resolve(answer).then(then) : then(answer);
}

function isPromise<Answer>(answer: Answer | PromiseLike<Answer>): answer is PromiseLike<Answer> {
  const isObject = typeof answer === "object" && answer !== null;
  return isObject && "then" in answer && typeof answer.then === "function";
}
