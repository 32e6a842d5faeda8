/**
 * Asks every member for its status, twice a second, each by itself: a node that does not answer delays nothing.
 *
 * @module
 */
import { pictureOf } from "./picture.js";

const INTERVAL_MS = 500;
/** A node that takes longer is taken for one that does not answer. */
const TIMEOUT_MS = 1500;

/** Knows what each node has last said. */
export class Watch extends EventTarget {
  #api;
  /** @type {Map<string, import("./picture.js").Observation>} */
  #observations = new Map();
  #asking = new Set();
  /** Whether a node wants a token that it was not given. */
  tokenWanted = false;
  /** The node that has served this page. */
  ownId = "";

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    super();
    this.#api = api;
  }

  /** How things are. */
  get picture() {
    return pictureOf(this.#observations.values());
  }

  /** Begins, and never ends: the page does. */
  start() {
    this.#look();
    setInterval(() => {
      if (!document.hidden) this.#look();
    }, INTERVAL_MS);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#look();
    });
  }

  /** Asks at once, since something was done. */
  look() {
    this.#look();
  }

  /**
   * Where to ask for what any node can do: the leader if it answers, else this page's node, else any that does.
   *
   * @returns {string}
   */
  get anyUrl() {
    const { leader, nodes } = this.picture;
    const own = nodes.find(({ id }) => id === this.ownId);
    const asked = [leader, own, ...nodes].find((node) => node?.answers);
    return asked === undefined ? "" : this.urlOf(asked);
  }

  /** @param {{ id: string, url?: string }} node */
  urlOf({ id, url }) {
    return id === this.ownId ? "" : url ?? "";
  }

  #look() {
    if (this.ownId === "") return void this.#ask("", "");
    for (const { id, url } of this.#known()) {
      if (id === this.ownId) void this.#ask(id, "");
      else if (url !== undefined) void this.#ask(id, url);
    }
  }

  /** All members that any node has named, and those that were. */
  #known() {
    return this.picture.nodes;
  }

  /** @param {string} id @param {string} url */
  async #ask(id, url) {
    if (this.#asking.has(id)) return;
    this.#asking.add(id);
    const began = performance.now();
    try {
      const status = await this.#api.ask(url, "GET", "/v1/status", { timeoutMs: TIMEOUT_MS });
      if (url === "") this.ownId = status.nodeId;
      this.tokenWanted = false;
      this.#observations.set(status.nodeId, {
        id: status.nodeId,
        ...(url === "" ? {} : { url }),
        status,
        answers: true,
        tookMs: performance.now() - began,
      });
      if (id === "") queueMicrotask(() => this.#look());
    } catch (error) {
      this.tokenWanted = error.status === 401;
      const last = this.#observations.get(id);
      if (id !== "") {
        this.#observations.set(id, {
          ...last,
          id,
          ...(url === "" ? {} : { url }),
          answers: false,
          problem: error.message,
          lostAtMs: last?.answers === false ? last.lostAtMs : performance.now(),
        });
      }
    } finally {
      this.#asking.delete(id);
      this.dispatchEvent(new Event("change"));
    }
  }
}
