/**
 * What the page's buttons and forms do to the cluster.
 *
 * @module
 */

/** See the module's description. Every method resolves to a sentence on what was done, or rejects with an `ApiError`. */
export class Actions {
  #api;
  #watch;
  /** Where nodes are killed and paused, if anywhere. @type {string | null} */
  controlUrl = null;

  /** @param {import("./api.js").Api} api @param {import("./watch.js").Watch} watch */
  constructor(api, watch) {
    this.#api = api;
    this.#watch = watch;
  }

  /** @param {string} word */
  async addWord(word) {
    const { words } = await this.#toLeader("POST", "/v1/words", { words: [word] });
    return `${word} is entry ${words[0].index}`;
  }

  /** @param {string} id */
  async transfer(id) {
    await this.#toLeader("POST", "/v1/leadership/transfer", { to: id });
    return `Leadership goes to ${id}`;
  }

  /** @param {string} id */
  async snapshot(id) {
    const node = this.#watch.picture.nodes.find((each) => each.id === id);
    const url = node === undefined ? "" : this.#watch.urlOf(node);
    const { lastIncludedIndex } = await this.#api.ask(url, "POST", "/v1/snapshots");
    return `${id} has a snapshot up to entry ${lastIncludedIndex}`;
  }

  /** @param {string} id @param {string} suffrage what it is now */
  async changeVote(id, suffrage) {
    if (suffrage === "nonvoter") {
      await this.#toLeader("PUT", member(id), { suffrage: "voter" });
      return `${id} votes`;
    }
    await this.#toLeader("POST", `${member(id)}/demote`);
    return `${id} votes no longer`;
  }

  /** @param {string} id */
  async remove(id) {
    await this.#toLeader("DELETE", member(id));
    return `${id} is no longer a member`;
  }

  /** @param {{ id: string, address: string, votes: boolean }} added */
  async addMember({ id, address, votes }) {
    const suffrage = votes ? "voter" : "nonvoter";
    await this.#toLeader("PUT", member(id), { address, suffrage });
    return `${id} is a member`;
  }

  /** How the command that started the nodes sees them; empty if there is none. @returns {Promise<Map<string, string>>} */
  async controls() {
    if (this.controlUrl === null) return new Map();
    const { nodes } = await this.#api.askControl(this.controlUrl, "GET", "/nodes");
    return new Map(nodes.map(({ id, state }) => [id, state]));
  }

  /** @param {string} id @param {"kill" | "start" | "pause" | "resume" | "cut-off" | "heal"} what */
  async control(id, what) {
    await this.#api.askControl(this.controlUrl, "POST", `/nodes/${encodeURIComponent(id)}/${what}`);
    const done = {
      kill: "killed",
      start: "started",
      pause: "paused",
      resume: "going on",
      "cut-off": "cut off from the others",
      heal: "back among the others",
    };
    return `${id} is ${done[what]}`;
  }

  async #toLeader(method, target, body) {
    return await this.#api.ask(this.#watch.anyUrl, method, `${target}?forward=true`, {
      ...(body === undefined ? {} : { body }),
    });
  }
}

function member(id) {
  return `/v1/members/${encodeURIComponent(id)}`;
}
