/**
 * The library for charts. The node serves the module of the package itself in this file's place.
 *
 * @module
 */
export { default } from "uplot";
