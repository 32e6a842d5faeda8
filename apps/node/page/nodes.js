/**
 * The nodes, a card each. Cards are changed in place, so that whoever is on a button stays there; a button that can do nothing
 * just now says so and stays as well.
 *
 * @module
 */
import { logWindow } from "./picture.js";

const ROLES = {
  leader: "Leader",
  follower: "Follower",
  candidate: "Candidate",
  shutdown: "Stopped",
  silent: "No answer",
};

/** How many colours the style has for nodes. */
const COLOURS = 6;

/** The cards of all nodes. */
export class NodeCards {
  #parent;
  #template;
  #act;
  /** @type {Map<string, HTMLElement>} */
  #cards = new Map();

  /**
   * @param {HTMLElement} parent
   * @param {HTMLTemplateElement} template
   * @param {(action: string, id: string) => void} act what a button does
   */
  constructor(parent, template, act) {
    this.#parent = parent;
    this.#template = template;
    this.#act = act;
  }

  /**
   * Shows `picture`; `controls`: how the command that started the nodes sees them, if it is there.
   *
   * @param {import("./picture.js").Picture} picture
   * @param {ReadonlyMap<string, string>} controls
   */
  show(picture, controls) {
    const window = logWindow(picture);
    for (const [at, node] of picture.nodes.entries()) {
      const card = this.#cards.get(node.id) ?? this.#add(node.id);
      card.style.setProperty("--node", `var(--node-${at % COLOURS})`);
      if (this.#parent.children[at] !== card) {
        this.#parent.insertBefore(card, this.#parent.children[at] ?? null);
      }
      showNode(card, node, { picture, window, control: controls.get(node.id) });
    }
    const ids = new Set(picture.nodes.map(({ id }) => id));
    for (const [id, card] of this.#cards) {
      if (ids.has(id)) continue;
      const hadFocus = card.contains(document.activeElement);
      card.remove();
      this.#cards.delete(id);
      if (hadFocus) this.#parent.focus();
    }
  }

  #add(id) {
    const fragment = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    const card = /** @type {HTMLElement} */ (fragment.firstElementChild);
    card.dataset["id"] = id;
    const name = part(card, "[data-name]");
    name.textContent = id;
    name.id = `node-${id}`;
    card.setAttribute("aria-labelledby", name.id);
    for (const button of card.querySelectorAll("button")) {
      button.setAttribute("aria-describedby", name.id);
      button.addEventListener("click", () => {
        if (button.getAttribute("aria-disabled") === "true") return;
        this.#act(button.dataset["action"] ?? "", id);
      });
    }
    this.#cards.set(id, card);
    return card;
  }
}

/**
 * @param {HTMLElement} card
 * @param {import("./picture.js").NodePicture} node
 */
function showNode(card, node, { picture, window, control }) {
  const { status, role, answers, suffrage } = node;
  card.dataset["role"] = role;
  const isPaused = control === "paused";
  const isKilled = control === "killed";
  const isCutOff = control === "cut-off";
  text(
    card,
    "[data-role]",
    isKilled
      ? "Killed"
      : isPaused
      ? "Paused"
      : isCutOff
      ? "Cut off"
      : role === "follower" && suffrage !== "voter"
      ? suffrage === "staging" ? "Catching up" : "No vote"
      : ROLES[role],
  );
  const silence = part(card, "[data-silence]");
  silence.hidden = answers && !isCutOff;
  part(card, ".track").hidden = !answers;
  const said = status === undefined ? "It has said nothing yet" : "What it last said:";
  setText(
    silence,
    node.url === undefined
      ? "Nobody knows where it answers"
      : answers
      ? `It reaches no other node, and says: ${ROLES[status.state] ?? status.state}`
      : said,
  );

  const fields = {
    term: number(status?.term),
    last: number(status?.lastLogIndex),
    match: number(answers ? status.durableIndex : node.matchIndex ?? status?.durableIndex),
    commit: number(status?.commitIndex),
    applied: number(status?.appliedIndex),
    lag: node.lagEntries === undefined
      ? "–"
      : node.lagEntries === 0
      ? "none"
      : `${number(node.lagEntries)} ${node.lagEntries === 1 ? "entry" : "entries"}`,
    disk: answers ? milliseconds(status.diskWriteMs) : "–",
    heard: role === "leader" ? "leads" : milliseconds(node.heardMs),
    took: answers ? milliseconds(node.tookMs) : "–",
  };
  for (const [name, value] of Object.entries(fields)) text(card, `[data-field="${name}"]`, value);

  for (
    const [bar, index] of [
      ["last", status?.lastLogIndex],
      ["commit", status?.commitIndex],
      ["applied", status?.appliedIndex],
    ]
  ) {
    const share = ((index ?? 0) - window.first) / (window.last - window.first);
    part(card, `[data-bar="${bar}"]`).style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  }

  const leads = role === "leader";
  const hasLeader = picture.leader !== undefined;
  enable(card, "transfer", hasLeader && !leads && answers && suffrage === "voter");
  enable(card, "snapshot", answers);
  enable(card, "vote", hasLeader && suffrage !== "staging");
  text(card, '[data-action="vote"]', suffrage === "nonvoter" ? "Give the vote" : "Take the vote");
  enable(card, "remove", hasLeader && picture.nodes.length > 1);

  part(card, "[data-controls]").hidden = control === undefined;
  if (control === undefined) return;
  text(card, '[data-action="kill"]', isKilled ? "Start" : "Kill");
  text(card, '[data-action="pause"]', isPaused ? "Go on" : "Pause");
  enable(card, "kill", control !== "stopped");
  enable(card, "pause", control === "running" || isPaused);
  text(card, '[data-action="cut-off"]', isCutOff ? "Let back" : "Cut off");
  enable(card, "cut-off", control === "running" || isCutOff);
}

/** @param {HTMLElement} card @returns {HTMLElement} */
function part(card, selector) {
  return /** @type {HTMLElement} */ (card.querySelector(selector));
}

function text(card, selector, value) {
  setText(part(card, selector), value);
}

/** Changes nothing that is right: nobody is told twice. */
export function setText(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

function enable(card, action, enabled) {
  part(card, `[data-action="${action}"]`).setAttribute("aria-disabled", String(!enabled));
}

/** @param {number | undefined} value */
export function number(value) {
  return value === undefined ? "–" : Math.round(value).toLocaleString("en");
}

/** @param {number | undefined} value */
export function milliseconds(value) {
  if (value === undefined) return "–";
  if (value >= 10_000) return `${Math.round(value / 1000)} s`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
