/**
 * The cluster as the page shows it, worked out from what each node has last said of itself. Pure: no browser, no clock.
 *
 * @module
 */

/**
 * What is known of a node.
 *
 * @typedef {object} Observation
 * @property {string} id
 * @property {string} [url] where it answers
 * @property {any} [status] the last that it has said (/v1/status)
 * @property {boolean} answers whether it did so when it was last asked
 * @property {string} [problem] why it did not
 * @property {number} [tookMs] how long its answer took
 * @property {number} [lostAtMs] since when it does not answer
 */

/**
 * A node as it is shown.
 *
 * @typedef {object} NodePicture
 * @property {string} id
 * @property {string} [url]
 * @property {boolean} asked whether it was asked before, or nobody knows where
 * @property {boolean} answers
 * @property {string} [problem]
 * @property {"leader" | "follower" | "candidate" | "shutdown" | "silent"} role
 * @property {string} suffrage
 * @property {string} address
 * @property {any} [status]
 * @property {number} [matchIndex] the leader's word for it, or its own last entry if it leads
 * @property {number} [lagEntries]
 * @property {number} [heardMs] how long ago its leader heard it
 * @property {number} [tookMs]
 */

/**
 * The cluster as it is shown.
 *
 * @typedef {object} Picture
 * @property {readonly NodePicture[]} nodes by name
 * @property {NodePicture | undefined} leader
 * @property {number} term the latest that anybody knows
 * @property {number} lastIndex the last entry of any log
 * @property {number} commitIndex
 * @property {number} answering how many nodes answer
 * @property {number} voters
 */

/**
 * @param {Iterable<Observation>} observations
 * @returns {Picture}
 */
export function pictureOf(observations) {
  const seen = new Map([...observations].map((each) => [each.id, each]));
  const answering = [...seen.values()].filter(({ answers, status }) => answers && status);
  const statuses = answering.map(({ status }) => status);
  const leading = latest(statuses.filter(({ state }) => state === "leader"));
  // Members are what the leader says, or else who knows the latest configuration.
  const source = leading ?? latest(statuses) ??
    latest([...seen.values()].flatMap(({ status }) => status ?? []));
  const members = source?.members ?? [];
  const followers = new Map((leading?.followers ?? []).map((each) => [each.id, each]));
  const nodes = members.map((member) =>
    nodePicture(member, seen.get(member.id), leading, followers.get(member.id))
  ).toSorted((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }));
  return {
    nodes,
    leader: nodes.find(({ id }) => id === leading?.nodeId),
    term: Math.max(0, ...statuses.map(({ term }) => term)),
    lastIndex: Math.max(0, ...statuses.map(({ lastLogIndex }) => lastLogIndex)),
    commitIndex: Math.max(0, ...statuses.map(({ commitIndex }) => commitIndex)),
    answering: nodes.filter(({ answers }) => answers).length,
    voters: nodes.filter(({ suffrage }) => suffrage === "voter").length,
  };
}

/** Two nodes may say that they lead: then the one of the later term does, and the other does not know it yet. */
function latest(statuses) {
  return statuses.toSorted((a, b) =>
    b.term - a.term || b.configurationIndex - a.configurationIndex
  )[0];
}

/** @returns {NodePicture} */
function nodePicture(member, observation, leading, follower) {
  const { status, answers = false, problem, tookMs } = observation ?? {};
  const leads = leading !== undefined && leading.nodeId === member.id;
  const role = !answers || status === undefined
    ? "silent"
    : status.state === "leader" && !leads
    ? "follower"
    : status.state;
  // A leader that has not heard a follower yet does not know what that has.
  const hasNothing = answers && status?.lastLogIndex === 0;
  const isKnown = follower !== undefined && (hasNothing || follower.matchIndex > 0);
  return {
    id: member.id,
    url: observation?.url ?? member.httpUrl,
    asked: observation !== undefined || member.httpUrl === undefined,
    answers: answers && status !== undefined,
    problem,
    role,
    suffrage: member.suffrage,
    address: member.address,
    status,
    matchIndex: leads ? leading.durableIndex : isKnown ? follower.matchIndex : undefined,
    lagEntries: leads ? 0 : isKnown ? follower.lagEntries : undefined,
    heardMs: follower?.lastContactMs,
    tookMs,
  };
}

/**
 * One sentence on how the cluster is, and how well that is.
 *
 * @param {Picture} picture
 * @returns {{ health: "well" | "limping" | "down", text: string }}
 */
export function summaryOf({ nodes, leader, term, answering }) {
  if (nodes.length === 0) return { health: "down", text: "No node answers this page" };
  const answer = answering === nodes.length
    ? nodes.length === 1 ? "it answers" : `all ${nodes.length} nodes answer`
    : `${answering} of ${nodes.length} nodes answer${answering === 1 ? "s" : ""}`;
  if (leader === undefined) return { health: "down", text: `No leader; ${answer}` };
  return {
    health: answering === nodes.length ? "well" : "limping",
    text: `${leader.id} leads in term ${term}; ${answer}`,
  };
}

/**
 * What has changed from one picture to the next, in sentences.
 *
 * @param {Picture} before
 * @param {Picture} after
 * @returns {string[]}
 */
export function changesOf(before, after) {
  const changes = [];
  const { leader } = after;
  if (leader?.id !== before.leader?.id) {
    changes.push(
      leader === undefined
        ? `${before.leader?.id} is no longer seen leading`
        : `${leader.id} leads in term ${after.term}`,
    );
  } else if (leader !== undefined && after.term > before.term) {
    changes.push(`${leader.id} leads again, in term ${after.term}`);
  }
  const known = new Map(before.nodes.map((node) => [node.id, node]));
  for (const node of after.nodes) {
    const earlier = known.get(node.id);
    known.delete(node.id);
    if (earlier === undefined) {
      changes.push(`${node.id} is a member: ${suffrageText(node.suffrage)}`);
      continue;
    }
    if (earlier.asked && earlier.answers !== node.answers) {
      changes.push(`${node.id} ${node.answers ? "answers again" : "does not answer"}`);
    }
    if (earlier.suffrage !== node.suffrage) {
      changes.push(`${node.id} is now ${suffrageText(node.suffrage)}`);
    }
    const snapshot = node.status?.lastSnapshotIndex ?? 0;
    if (snapshot > (earlier.status?.lastSnapshotIndex ?? snapshot)) {
      changes.push(`${node.id} has a snapshot up to entry ${snapshot}`);
    }
  }
  for (const id of known.keys()) changes.push(`${id} is no longer a member`);
  return changes;
}

/** @param {string} suffrage */
function suffrageText(suffrage) {
  switch (suffrage) {
    case "voter":
      return "a voter";
    case "staging":
      return "catching up, then a voter";
    default:
      return "without a vote";
  }
}

/**
 * Which stretch of the log is drawn: enough that the node that is furthest behind is on it, and never less than a few entries.
 *
 * @param {Picture} picture
 * @returns {{ first: number, last: number }}
 */
export function logWindow({ nodes, lastIndex }) {
  const applied = nodes.flatMap(({ status, answers }) => answers ? [status.appliedIndex] : []);
  const furthest = Math.max(0, lastIndex - Math.min(lastIndex, ...applied));
  const length = Math.max(50, Math.ceil(furthest * 1.25));
  return { first: Math.max(0, lastIndex - length), last: Math.max(lastIndex, 1) };
}
