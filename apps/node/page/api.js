/**
 * Requests to nodes. The token that is typed in is kept here, in memory, and nowhere else.
 *
 * @module
 */

/** A request that was refused, or not answered. */
export class ApiError extends Error {
  /**
   * @param {string} message what is wrong, in words
   * @param {{ status?: number, code?: string, outcome?: string }} [details] what the node's problem says
   */
  constructor(message, { status, code, outcome } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.outcome = outcome;
  }
}

/** Speaks with nodes. */
export class Api {
  #token = "";

  /** @param {string} token what administration asks for; empty for none */
  useToken(token) {
    this.#token = token;
  }

  /**
   * Asks the node at `base`, an origin, or this page's own if it is empty. Rejects with an {@linkcode ApiError}.
   *
   * @param {string} base
   * @param {string} method
   * @param {string} target
   * @param {{ body?: unknown, timeoutMs?: number }} [options]
   * @returns {Promise<any>}
   */
  async ask(base, method, target, { body, timeoutMs = 15_000 } = {}) {
    /** @type {Record<string, string>} */
    const headers = this.#token === "" ? {} : { authorization: `Bearer ${this.#token}` };
    return await request(`${base}${target}`, { method, headers, body, timeoutMs });
  }

  /**
   * Asks the command that started the nodes of a development cluster, which is not told the token.
   *
   * @param {string} base
   * @param {string} method
   * @param {string} target
   * @returns {Promise<any>}
   */
  async askControl(base, method, target) {
    return await request(`${base}${target}`, { method, headers: {}, timeoutMs: 1500 });
  }
}

/**
 * @param {string} url
 * @param {{ method: string, headers: Record<string, string>, body?: unknown, timeoutMs: number }} options
 */
async function request(url, { method, headers, body, timeoutMs }) {
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  let json;
  try {
    response = await fetch(url, {
      method,
      headers,
      cache: "no-store",
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    json = await response.json();
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(late ? `no answer within ${timeoutMs / 1000} s` : "no answer", {
      outcome: "unknown",
    });
  }
  if (response.ok) return json;
  throw new ApiError(json.detail ?? response.statusText, {
    status: response.status,
    code: json.code,
    outcome: json.outcome,
  });
}
