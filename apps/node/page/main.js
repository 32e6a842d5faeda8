/**
 * Puts the page together: what is watched is shown, and what is pressed is done.
 *
 * @module
 */
import { Actions } from "./actions.js";
import { Api } from "./api.js";
import { Chart } from "./charts.js";
import { Load } from "./load.js";
import { milliseconds, NodeCards, number, setText } from "./nodes.js";
import { changesOf, summaryOf } from "./picture.js";
import { Watch } from "./watch.js";

const SAMPLE_INTERVAL_MS = 1000;
const EVENTS_MAX = 100;

/** @param {string} id @returns {any} */
const element = (id) => document.getElementById(id);

const api = new Api();
const watch = new Watch(api);
const actions = new Actions(api, watch);
const cards = new NodeCards(element("nodes"), element("node-template"), pressed);
const throughput = new Chart(element("throughput"), { unit: "", filled: true });
const disk = new Chart(element("disk"), { unit: " ms" });
const load = new Load(api, watch, ({ acknowledged, failed }) => {
  const doubts = failed === 0 ? "" : ` · ${number(failed)} not`;
  setText(element("load-outcome"), `${number(acknowledged)} words acknowledged${doubts}`);
});

/** @type {import("./picture.js").Picture | undefined} */
let shown;
/** @type {Map<string, string>} */
let controls = new Map();

function show() {
  const { picture } = watch;
  element("token-form").hidden = !watch.tokenWanted;
  if (picture.nodes.length === 0) return;
  cards.show(picture, controls);
  const { health, text } = summaryOf(picture);
  const summary = element("summary");
  summary.dataset["health"] = health;
  setText(summary, text);
  const { clusterId, version } = picture.nodes.find(({ status }) => status)?.status ?? {};
  setText(element("cluster-name"), clusterId ?? "");
  setText(element("version"), version === undefined ? "" : `Version ${version}`);
  document.title = picture.leader === undefined
    ? "No leader – Coracle"
    : `${picture.leader.id} leads – Coracle`;
  if (shown !== undefined) { for (const change of changesOf(shown, picture)) tell(change); }
  else if (picture.nodes.every(({ asked }) => asked)) tell(text);
  else return;
  shown = picture;
}

/** Adds to what has happened. @param {string} what */
function tell(what) {
  const events = element("events");
  const item = document.createElement("li");
  const time = document.createElement("time");
  const now = new Date();
  time.dateTime = now.toISOString();
  time.textContent = now.toTimeString().slice(0, 8);
  item.append(time, ` ${what}`);
  const atEnd = events.scrollTop + events.clientHeight >= events.scrollHeight - 20;
  events.append(item);
  while (events.children.length > EVENTS_MAX) events.firstElementChild.remove();
  if (atEnd) events.scrollTop = events.scrollHeight;
}

/** Does something, and says in `place` how it ended. */
async function perform(place, what) {
  place.dataset["kind"] = "under-way";
  setText(place, "Under way");
  try {
    setText(place, await what());
    place.dataset["kind"] = "done";
  } catch (error) {
    const unsure = error.outcome === "unknown" ? " It may still happen." : "";
    setText(place, `${capital(error.message)}.${unsure}`);
    place.dataset["kind"] = "failed";
  }
  watch.look();
  await lookAtControls();
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A button of a node. @param {string} action @param {string} id */
function pressed(action, id) {
  const node = watch.picture.nodes.find((each) => each.id === id);
  const state = controls.get(id);
  void perform(element("outcome"), async () => {
    switch (action) {
      case "transfer":
        return await actions.transfer(id);
      case "snapshot":
        return await actions.snapshot(id);
      case "vote":
        return await actions.changeVote(id, node?.suffrage ?? "voter");
      case "remove":
        return await isConfirmed(`Remove ${id} from the cluster? A node that is removed stops.`)
          ? await actions.remove(id)
          : `${id} stays`;
      case "kill":
        return await actions.control(id, state === "killed" ? "start" : "kill");
      case "pause":
        return await actions.control(id, state === "paused" ? "resume" : "pause");
      case "cut-off":
        return await actions.control(id, state === "cut-off" ? "heal" : "cut-off");
      default:
        throw new Error(`there is no action ${action}`);
    }
  });
}

/** @param {string} question */
async function isConfirmed(question) {
  const dialog = element("confirm");
  dialog.returnValue = "no";
  setText(element("confirm-text"), question);
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "yes";
}

async function lookAtControls() {
  controls = await actions.controls().catch(() => new Map());
  show();
}

async function lookAtWords() {
  if (watch.picture.answering === 0) return;
  const { bestWords } = await api.ask(watch.anyUrl, "GET", "/v1/words?level=local", {
    timeoutMs: 1500,
  });
  const list = element("best-words");
  const now = [...list.children].map((item) => item.textContent);
  if (String(now) === String(bestWords)) return;
  list.replaceChildren(...bestWords.map((word) => {
    const item = document.createElement("li");
    item.textContent = word;
    return item;
  }));
}

function sample() {
  if (document.hidden) return;
  const { leader, nodes } = watch.picture;
  const now = Date.now();
  const rate = leader?.answers ? leader.status.entriesPerSecond : undefined;
  throughput.add(now, [{ name: "entries", colour: "--accent", value: rate }]);
  setText(element("throughput-now"), rate === undefined ? "–" : number(rate));
  const writes = nodes.map(({ id, answers, status }, at) => ({
    name: id,
    colour: `--node-${at % 6}`,
    value: answers ? status.diskWriteMs : undefined,
  }));
  if (writes.length > 0) disk.add(now, writes);
  setText(
    element("disk-now"),
    writes.map(({ name, value }) => `${name} ${milliseconds(value)}`).join(" · "),
  );
  void lookAtWords().catch(() => {});
  void lookAtControls();
}

/** @param {string} id @param {() => void} submitted */
function onSubmit(id, submitted) {
  element(id).addEventListener("submit", (event) => {
    event.preventDefault();
    submitted();
  });
}

onSubmit("words-form", () => {
  const input = element("word");
  void perform(element("words-outcome"), async () => {
    const said = await actions.addWord(input.value.trim());
    input.value = "";
    void lookAtWords().catch(() => {});
    return said;
  });
});
onSubmit("member-form", () =>
  void perform(element("member-outcome"), () =>
    actions.addMember({
      id: element("member-id").value.trim(),
      address: element("member-address").value.trim(),
      votes: element("member-votes").checked,
    })));
onSubmit("token-form", () => {
  api.useToken(element("token").value);
  element("token").value = "";
  watch.look();
});
element("load").addEventListener("click", () => {
  load.toggle();
  element("load").setAttribute("aria-pressed", String(load.running));
  setText(element("load"), load.running ? "Stop writing" : "Write all the time");
});
document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
  if (effectiveDirective === "connect-src") element("reload-notice").hidden = false;
});

watch.addEventListener("change", show);
const settings = await api.ask("", "GET", "/page/settings.json").catch(() => ({}));
actions.controlUrl = settings.controlUrl ?? null;
watch.start();
setInterval(sample, SAMPLE_INTERVAL_MS);
