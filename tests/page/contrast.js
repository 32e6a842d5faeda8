/**
 * Runs in the page: every text that can be seen and whose contrast with what is behind it is less than WCAG 2.2 asks for (1.4.3, level AA:
 * 4.5, or 3 for large text).
 *
 * @module
 */

/** @returns {{ checked: number, weak: string[] }} */
export function lookForWeakContrast() {
  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) => {
    const mix = (channel) => top[channel] * top.a + below[channel] * (1 - top.a);
    return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
  };
  const luminance = ({ r, g, b }) => {
    const [red, green, blue] = [r, g, b].map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ratio = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  /** The element and all around it, from outside in. */
  const chain = (element) => {
    const all = [];
    for (let at = element; at !== null; at = at.parentElement) all.unshift(at);
    return all;
  };
  const behind = (element) =>
    chain(element).reduce(
      (below, each) => over(parse(getComputedStyle(each).backgroundColor), below),
      { r: 255, g: 255, b: 255, a: 1 },
    );
  const opacity = (element) =>
    chain(element).reduce((product, each) => product * Number(getComputedStyle(each).opacity), 1);

  const weak = [];
  let checked = 0;
  const look = (element, text, style) => {
    const background = behind(element);
    const colour = parse(style.color);
    const seen = over({ ...colour, a: colour.a * opacity(element) }, background);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
    const found = ratio(seen, background);
    checked += 1;
    if (found < (isLarge ? 3 : 4.5)) weak.push(`${found.toFixed(2)}: ${text}`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (text === "" || !element.checkVisibility({ visibilityProperty: true })) continue;
    // Seen by nobody, and read aloud; what is skipped to with the keyboard; what is drawn (its figures are in the text).
    if (element.closest(".spoken, .skip, script, noscript, .chart") !== null) continue;
    look(element, text, getComputedStyle(element));
  }
  for (const input of document.querySelectorAll("input[placeholder]")) {
    look(input, input.placeholder, getComputedStyle(input, "::placeholder"));
  }
  return { checked, weak };
}
