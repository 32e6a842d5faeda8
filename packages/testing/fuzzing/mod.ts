/**
 * Fuzzing of decoders: bytes that are right, damaged or nothing in particular; no error but those that are documented, no memory
 * beyond the limit, and what is decoded is, encoded again, what it was. Inputs that once failed are kept.
 *
 * @module
 */
export type { ConformanceCheck } from "../conformance/check.ts";
export { corpusLine, type KeptInput, parseCorpus } from "./corpus.ts";
export { fuzz, fuzzChecks, type FuzzOptions, tryKept } from "./fuzz.ts";
export type { BytesArbitrary, FuzzTarget } from "./target.ts";
