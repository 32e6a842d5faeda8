/**
 * The page that shows the cluster, at `/`. Its files are part of the program: serving them needs no permission, and a node that
 * is compiled into one binary has them as well.
 *
 * @module
 */
import type { Hono } from "hono";
import uplot from "uplot/dist/uPlot.esm.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import actions from "../page/actions.js" with { type: "text" };
import api from "../page/api.js" with { type: "text" };
import charts from "../page/charts.js" with { type: "text" };
import html from "../page/index.html" with { type: "text" };
import load from "../page/load.js" with { type: "text" };
import main from "../page/main.js" with { type: "text" };
import nodesStyle from "../page/nodes.css" with { type: "text" };
import nodes from "../page/nodes.js" with { type: "text" };
import picture from "../page/picture.js" with { type: "text" };
import style from "../page/style.css" with { type: "text" };
import watch from "../page/watch.js" with { type: "text" };

const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";

/** Its files but for the first: path, content, media type. */
const FILES: readonly (readonly [path: string, text: string, contentType: string])[] = [
  ["/page/style.css", style, STYLE],
  ["/page/nodes.css", nodesStyle, STYLE],
  ["/page/main.js", main, SCRIPT],
  ["/page/actions.js", actions, SCRIPT],
  ["/page/api.js", api, SCRIPT],
  ["/page/charts.js", charts, SCRIPT],
  ["/page/load.js", load, SCRIPT],
  ["/page/nodes.js", nodes, SCRIPT],
  ["/page/picture.js", picture, SCRIPT],
  ["/page/watch.js", watch, SCRIPT],
  ["/page/uplot.js", uplot, SCRIPT],
  ["/page/uplot.css", uplotStyle, STYLE],
];

/** What the page must know of its node. */
export interface PageOptions {
  /** Where the members listen for HTTP, as far as that is known: the page asks nobody else. */
  readonly memberUrls: () => readonly string[];
  /** Where nodes of a development cluster are killed and paused, if this is one. */
  readonly controlUrl?: string;
}

/** Serves the page, and returns the paths of its files. */
export function servePage(app: Hono, { memberUrls, controlUrl }: PageOptions): string[] {
  const control = controlUrl === undefined ? [] : [controlUrl];
  app.get("/", () =>
    answer(html, "text/html; charset=utf-8", {
      "content-security-policy": policy([...memberUrls(), ...control]),
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    }));
  for (const [path, text, contentType] of FILES) app.get(path, () => answer(text, contentType));
  app.get("/page/settings.json", () => Response.json({ controlUrl: controlUrl ?? null }));
  return ["/", ...FILES.map(([path]) => path), "/page/settings.json"];
}

function answer(text: string, contentType: string, headers: Record<string, string> = {}): Response {
  return new Response(text, {
    headers: {
      "content-type": contentType,
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}

/** Nothing from anywhere else, nothing inline, and no frame around it; it asks `urls` and its own node. */
function policy(urls: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src data:",
    `connect-src ${["'self'", ...urls].join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
