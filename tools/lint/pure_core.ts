/**
 * Keeps the pure core pure: what decides (packages/core/consensus, packages/core/model) depends on
 * its arguments alone, so that a run can be replayed from configuration, seed and inputs.
 *
 * Three rules, for every file there that is not for tests: nothing asynchronous, nothing from the
 * surroundings (clocks, randomness, the system, garbage collection, locale), no import from outside.
 *
 * @module
 */

/** The layers that are pure, and the sibling layers whose types (not values) they may import. */
const PURE_LAYERS: Record<string, { values: string[]; types: string[] }> = {
  consensus: { values: ["consensus", "model"], types: ["ports"] },
  model: { values: ["model"], types: [] },
};

/** Globals whose value or effect does not follow from arguments. */
const AMBIENT = new Set([
  // Asynchrony.
  ..."Promise setTimeout setInterval setImmediate queueMicrotask".split(" "),
  ..."clearTimeout clearInterval clearImmediate".split(" "),
  ..."AbortController AbortSignal EventTarget Worker MessageChannel BroadcastChannel".split(" "),
  // Clocks and randomness.
  ..."Date Temporal performance crypto".split(" "),
  // The system.
  ..."Deno process console fetch WebSocket EventSource Response Request navigator".split(" "),
  ..."localStorage sessionStorage indexedDB caches alert confirm prompt".split(" "),
  // Other threads, and what depends on when garbage is collected.
  ..."Atomics SharedArrayBuffer WeakRef FinalizationRegistry".split(" "),
  // Locale of the machine.
  "Intl",
  // Ways around this list.
  ..."globalThis window self global eval Function require".split(" "),
]);

/** Methods whose result depends on the locale of the machine. */
const LOCALE_METHOD = /^(localeCompare|toLocale\w*)$/;

/** A file of a pure layer, as seen from packages/core, or nothing for any other file. */
interface PureFile {
  layer: string;
  /** Path segments below packages/core, without the file's own name. */
  folders: string[];
}

function pureFile(filename: string): PureFile | undefined {
  const [, path] = filename.replaceAll("\\", "/").split("/packages/core/");
  if (path === undefined || /_(test|bench)\.ts$|\/_testing\//.test(path)) return undefined;
  const folders = path.split("/").slice(0, -1);
  const layer = folders[0];
  return layer !== undefined && Object.hasOwn(PURE_LAYERS, layer) ? { layer, folders } : undefined;
}

/** The layer below packages/core that a relative import reaches; nothing if it leaves packages/core. */
function importedLayer(file: PureFile, specifier: string): string | undefined {
  const folders = [...file.folders];
  for (const part of specifier.split("/")) {
    if (part === ".") continue;
    if (part !== "..") folders.push(part);
    else if (folders.pop() === undefined) return undefined;
  }
  // What lies in packages/core itself (mod.ts) has no layer of its own.
  return folders.length > 1 ? folders[0] : undefined;
}

/** Whether an identifier is only a label after a dot or before a colon, not a reference. */
function isLabel(node: Deno.lint.Identifier): boolean {
  const parent = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return !parent.computed && isSame(parent.property, node);
    case "Property":
      return !parent.computed && !parent.shorthand && isSame(parent.key, node);
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return !parent.computed && isSame(parent.key, node);
    case "ImportSpecifier":
      return !isSame(parent.local, node);
    case "ExportSpecifier":
      return !isSame(parent.local, node);
    default:
      return false;
  }
}

function isSame(a: Deno.lint.Node, b: Deno.lint.Node): boolean {
  return a.range[0] === b.range[0] && a.range[1] === b.range[1];
}

/** A rule that looks at pure files only. */
function pureRule(
  create: (ctx: Deno.lint.RuleContext, file: PureFile) => Deno.lint.LintVisitor,
): Deno.lint.Rule {
  return {
    create(ctx): Deno.lint.LintVisitor {
      const file = pureFile(ctx.filename);
      return file === undefined ? {} : create(ctx, file);
    },
  };
}

const noAsync = pureRule((ctx) => {
  const report = (node: Deno.lint.Node, what: string): void =>
    ctx.report({
      node,
      message: `${what} in the pure core`,
      hint: "Return an effect; the driver does it and its completion comes back as an input.",
    });
  const checkFunction = (
    node:
      | Deno.lint.FunctionDeclaration
      | Deno.lint.FunctionExpression
      | Deno.lint.ArrowFunctionExpression,
  ): void => {
    if (node.async) report(node, "async function");
  };
  return {
    FunctionDeclaration: checkFunction,
    FunctionExpression: checkFunction,
    ArrowFunctionExpression: checkFunction,
    AwaitExpression: (node): void => report(node, "await"),
    ForOfStatement(node): void {
      if (node.await) report(node, "for await");
    },
  };
});

const noAmbient = pureRule((ctx) => {
  // In `{ Date }` key and value are two nodes in one place.
  const reported = new Set<number>();
  const report = (node: Deno.lint.Node, name: string): void => {
    if (reported.has(node.range[0])) return;
    reported.add(node.range[0]);
    ctx.report({
      node,
      message: `${name} in the pure core`,
      hint: "Time, randomness and everything else from outside are arguments of the step function.",
    });
  };
  return {
    Identifier(node): void {
      if (AMBIENT.has(node.name) && !isLabel(node)) report(node, node.name);
      if (node.name !== "Math" || isLabel(node)) return;
      // Anything but `Math.name` could reach Math.random unseen.
      const parent = node.parent;
      const member = parent.type === "MemberExpression" && !parent.computed
        ? ctx.sourceCode.getText(parent.property)
        : undefined;
      if (member === undefined) report(node, "Math as a value");
      if (member === "random") report(parent, "Math.random");
    },
    MemberExpression(node): void {
      const property = ctx.sourceCode.getText(node.property);
      if (!node.computed && LOCALE_METHOD.test(property)) report(node, property);
    },
    MetaProperty(node): void {
      const text = ctx.sourceCode.getText(node);
      if (text === "import.meta") report(node, text);
    },
  };
});

const noOutsideImport = pureRule((ctx, file) => {
  const allowed = PURE_LAYERS[file.layer] ?? { values: [], types: [] };
  const check = (node: Deno.lint.Node, specifier: string, typeOnly: boolean): void => {
    const layer = specifier.startsWith(".") ? importedLayer(file, specifier) : undefined;
    if (layer !== undefined && allowed.values.includes(layer)) return;
    const typed = layer !== undefined && allowed.types.includes(layer);
    if (typed && typeOnly) return;
    ctx.report({
      node,
      message: typed
        ? `value import of "${specifier}" in the pure core`
        : `import of "${specifier}" in the pure core`,
      hint: typed
        ? "Write `import type`: the core sees what a port is, never an implementation."
        : `${file.layer} may import from ${allowed.values.join(" and ")} only.`,
    });
  };
  return {
    ImportDeclaration: (node): void => check(node, node.source.value, node.importKind === "type"),
    ExportAllDeclaration: (node): void =>
      check(node, node.source.value, node.exportKind === "type"),
    ExportNamedDeclaration(node): void {
      if (node.source) check(node, node.source.value, node.exportKind === "type");
    },
    ImportExpression(node): void {
      ctx.report({ node, message: "dynamic import in the pure core" });
    },
    TSImportType: (node): void =>
      check(node, ctx.sourceCode.getText(node.argument).slice(1, -1), true),
  };
});

/** The plugin, for `lint.plugins` in deno.json. */
const plugin: Deno.lint.Plugin = {
  name: "pure-core",
  rules: {
    "no-async": noAsync,
    "no-ambient": noAmbient,
    "no-outside-import": noOutsideImport,
  },
};

export default plugin;
