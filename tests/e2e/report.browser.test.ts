import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { reportOf } from "../../src/study/report/page.ts";
import { hasBrowser, launch } from "./browser.ts";
import { madeUpStudy } from "./madeUpStudy.ts";

// STEPPE_SCREENSHOTS=folder keeps a picture of each page.
const widths = [1280, 390],
  schemes = ["light", "dark"] as const;

describe.skipIf(!hasBrowser)("the report in a browser (needs the package @sparticuz/chromium)", () => {
  let browser: Browser;
  const pages: Record<string, string> = {};
  beforeAll(async () => {
    browser = await launch();
    for (const dimensions of [1, 2] as const) {
      const { options, results, finished } = madeUpStudy(dimensions);
      pages[dimensions === 1 ? "lines" : "planes"] = await reportOf(options, results, finished);
    }
  });
  afterAll(() => browser?.close());

  const cases = ["lines", "planes"].flatMap((name) => widths.flatMap((width) => schemes.map((colorScheme) => ({ name, width, colorScheme }))));
  test.each(cases)("$name, $width pixels, $colorScheme", async ({ name, width, colorScheme }) => {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme }),
      page = await context.newPage();
    const said: string[] = [],
      requests: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(String(error)));
    page.on("request", (request) => requests.push(request.url().slice(0, 40)));
    await page.setContent(pages[name]!, { waitUntil: "load" });
    if (process.env.STEPPE_SCREENSHOTS)
      await page.screenshot({ path: `${process.env.STEPPE_SCREENSHOTS}/report-${name}-${width}-${colorScheme}.png`, fullPage: true });
    const seen = await page.evaluate(lookAt);
    await context.close();

    expect(said).toEqual([]);
    expect(requests.filter((url) => !url.startsWith("data:"))).toEqual([]);
    expect(seen.textWidth, "no font was found").toBeGreaterThan(100);
    expect(seen.contentWidth, "the page scrolls sideways").toBeLessThanOrEqual(width);
    expect(seen.outside, "what sticks out of the page and of its scrolling box").toEqual([]);
    expect(seen.pictures.length).toBeGreaterThan(name === "planes" ? 30 : 25);
    expect(seen.pictures.filter(({ words }) => words.length < 8)).toEqual([]);
    expect(seen.pictures.filter(({ width: drawn }) => drawn < 20)).toEqual([]);
    expect(seen.tables).toBeGreaterThanOrEqual(2);
    expect(seen.tablesWithoutHeaders).toBe(0);
    expect(seen.figuresWithoutCaption).toBe(0);
    expect(seen.headings[0]).toBe(1);
    expect(seen.headings.filter((level) => level === 1)).toHaveLength(1);
    seen.headings.forEach((level, i) => expect(level - (seen.headings[i - 1] ?? 0), `heading ${i}`).toBeLessThanOrEqual(1));
    expect(seen.lang).toBe("en");
    expect(seen.title).toContain("flat");
    expect(seen.contrast, "text against the page").toBeGreaterThan(4.5);
    expect(seen.isDark).toBe(colorScheme === "dark");
  });
});

/** What the tests judge; runs in the page. */
function lookAt() {
  const all = <E extends Element>(selector: string): E[] => Array.from(document.querySelectorAll<E>(selector));
  const scrolls = (e: Element | null): boolean => e !== null && (getComputedStyle(e).overflowX === "auto" || scrolls(e.parentElement));
  const lightness = (color: string): number => {
    const [r, g, b] = color
      .match(/[\d.]+/g)!
      .slice(0, 3)
      .map((x) => (Number(x) / 255 <= 0.04045 ? Number(x) / 255 / 12.92 : ((Number(x) / 255 + 0.055) / 1.055) ** 2.4)) as [number, number, number];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = lightness(getComputedStyle(document.body).backgroundColor);
  // WCAG 2.2, contrast ratio.
  const contrasts = all<HTMLElement>("h1, h2, p, th, td, figcaption, caption, dt, dd, summary, code, b.plain, b.SAM, footer").map((e) => {
    const ink = lightness(getComputedStyle(e).color);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  });
  const heading = document.createRange();
  heading.selectNodeContents(document.querySelector("h1")!);
  return {
    textWidth: heading.getBoundingClientRect().width,
    contentWidth: document.documentElement.scrollWidth,
    outside: all<HTMLElement>("body *")
      .filter((e) => !scrolls(e) && !e.closest("svg") && e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
      .map((e) => e.outerHTML.slice(0, 80)),
    pictures: all<Element>("svg, img").map((e) => ({
      words: (e.localName === "svg" ? e.getAttribute("role") === "img" && e.getAttribute("aria-label") : e.getAttribute("alt")) || "",
      width: e.getBoundingClientRect().width,
    })),
    tables: all("table").length,
    tablesWithoutHeaders: all("table").filter((table) => !table.querySelector("thead th[scope]") || !table.querySelector("tbody th[scope]")).length,
    figuresWithoutCaption: all("figure").filter((figure) => !figure.querySelector("figcaption")?.textContent).length,
    headings: all("h1, h2, h3, h4").map((e) => Number(e.localName[1])),
    lang: document.documentElement.lang,
    title: document.title,
    contrast: Math.min(...contrasts),
    isDark: paper < 0.2,
  };
}
