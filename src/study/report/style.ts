/** The page's only style sheet. Colours of plain and SAM are told apart by eyes that do not see red or green (after Okabe and Ito, 2008). */
export const style = `
:root {
  --paper: #fcfcfa; --ink: #1f2328; --soft: #5c636b; --line: #e2e2dc; --card: #f4f4ef; --plain: #c2510a; --sam: #0b6bb3;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181b; --ink: #e7e6e2; --soft: #a3a8ae; --line: #34383d; --card: #1e2125; --plain: #f0903e; --sam: #62b5ef; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 system-ui, -apple-system, "Segoe UI", sans-serif; }
header, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: clamp(2rem, 6vw, 4.5rem); }
footer { padding-top: 1rem; padding-bottom: 3rem; color: var(--soft); font-size: .875rem; }
h1, h2, h3 { line-height: 1.2; letter-spacing: -.015em; text-wrap: balance; }
h1 { font-size: clamp(2rem, 5vw, 2.9rem); font-weight: 650; margin: .35rem 0 1rem; }
h2 { font-size: 1.4rem; font-weight: 650; margin: 0 0 .9rem; }
h3 { font-size: .95rem; font-weight: 600; margin: 0 0 .5rem; letter-spacing: 0; }
p { max-width: 68ch; margin: 0 0 1rem; }
ul.words { columns: 2 24rem; column-gap: 3rem; margin: 0 0 1rem; padding-left: 1.15rem; } ul.words li { break-inside: avoid; margin-bottom: .7rem; }
section { padding: 2.4rem 0 .4rem; }
section + section { border-top: 1px solid var(--line); }
.eyebrow { margin: 0; color: var(--soft); font-size: .875rem; }
.lead { font-size: 1.15rem; line-height: 1.55; }
.note, figcaption, dt { color: var(--soft); font-size: .875rem; line-height: 1.5; }
.note { margin: 0 0 .5rem; }
sub { line-height: 0; font-size: .72em; }
b.plain { color: var(--plain); } b.SAM { color: var(--sam); }

.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 270px), 1fr)); gap: 1rem; margin: 1.8rem 0 1rem; }
.card { background: var(--card); border-radius: 10px; padding: 1.1rem 1.25rem 1.15rem; }
.card h2 { font-size: .95rem; font-weight: 600; margin: 0; letter-spacing: 0; }
.card .big { font-size: 2.1rem; line-height: 1.25; font-weight: 650; letter-spacing: -.02em; margin: .15rem 0 .3rem; }
.card .big span { font-size: 1rem; font-weight: 400; letter-spacing: 0; color: var(--soft); }
.card p { margin: 0; } .card dl { margin: 0; display: grid; gap: .15rem; font-variant-numeric: tabular-nums; }
.card dl div { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; } .card dt { flex: 1 0 100%; } .card dd { margin: 0; } .card .note { margin-top: .7rem; padding-top: .6rem; border-top: 1px solid var(--line); }

figure { margin: 0 0 1.6rem; } figcaption { max-width: 78ch; margin-top: .8rem; }
svg { display: block; max-width: 100%; height: auto; overflow: visible; background: none; font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; } .split svg, .panel svg { width: 100%; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 290px), 1fr)); gap: 1.6rem 1.8rem; }
.panel { min-width: 0; max-width: 480px; } .panel svg + svg { margin-top: .6rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem; } .pair p { margin: 0 0 .2rem 22px; font-size: .875rem; color: var(--soft); }
.split svg { max-width: 500px; }
.split { display: grid; grid-template-columns: minmax(0, 500px) minmax(0, 1fr); gap: 1rem 3rem; align-items: start; }
@media (max-width: 820px) { .split { grid-template-columns: minmax(0, 1fr); } }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; margin: 0 0 .9rem; padding: 0; font-size: .875rem; }
.legend i { display: inline-block; width: 26px; border-top: 2.5px solid; vertical-align: .28em; margin-right: .5rem; }
i.plain { border-color: var(--plain); } i.SAM { border-color: var(--sam); } i.dashed { border-top-style: dashed; }
.scale { display: flex; align-items: center; font-size: .875rem; color: var(--soft); margin-bottom: .9rem; }
.scale span { white-space: nowrap; } .scale i { flex: 0 1 16px; height: 14px; } .scale span:first-child { margin-right: .6rem; } .scale span:last-child { margin-left: .6rem; }

.wide { overflow-x: auto; margin-bottom: 1.2rem; } .wide:focus-visible, pre:focus-visible, summary:focus-visible { outline: 2px solid var(--sam); outline-offset: 3px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
.note b { color: var(--ink); }
th, td { text-align: right; padding: .34rem .8rem; white-space: nowrap; vertical-align: bottom; } td { vertical-align: middle; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th[colspan] { text-align: center; } thead th { color: var(--soft); font-weight: 500; line-height: 1.25; } thead tr:last-child > * { border-bottom: 1px solid var(--ink); }
tbody th { font-weight: 400; } .rows { width: 100%; } .rows tbody tr > * { border-bottom: 1px solid var(--line); }
.rows th[scope="row"] { position: sticky; left: 0; background: var(--paper); }
.rows .model th { font-weight: 650; padding-top: 1rem; } .rows .model th span { font-weight: 400; color: var(--soft); margin-left: .5rem; }
.rows .model td { color: var(--soft); text-align: right; vertical-align: bottom; }
th.slides, td.slides { border-left: 1px solid var(--line); } .rows .model .slides + td { border-left: 0; }
.attention table { width: 100%; table-layout: fixed; max-width: 900px; } .attention th:first-child { width: 3.6rem; font-size: .875rem; color: var(--soft); vertical-align: middle; }
.attention td, .attention th { padding: .2rem; text-align: center; border: 0 !important; } .attention thead td { width: 3.6rem; } .attention thead th { overflow: hidden; text-overflow: ellipsis; }
.attention img { display: block; width: 100%; height: auto; aspect-ratio: 1; image-rendering: pixelated; border-radius: 3px; }

.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 220px), 1fr)); gap: .9rem 1.6rem; margin: 0 0 1.4rem; } .facts dd { margin: 0; }
pre { overflow-x: auto; background: var(--card); border-radius: 8px; padding: .8rem 1rem; margin: 0 0 1.2rem; font-size: .84rem; line-height: 1.6; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .92em; }
summary { cursor: pointer; padding: .2rem 0; } details pre { margin-top: .3rem; }
`;
