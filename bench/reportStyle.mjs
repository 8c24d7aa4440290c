/** The report's only style sheet, for light and dark. Met and missed are told apart by eyes that do not see red or green (after Okabe and Ito, 2008). */
export const style = `
:root { --paper: #fcfcfa; --ink: #1f2328; --soft: #5c636b; --line: #d5d5cf; --mark: #0b6bb3; --good: #0b6bb3; --bad: #c2510a; color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181b; --ink: #e7e6e2; --soft: #a3a8ae; --line: #34383d; --mark: #62b5ef; --good: #62b5ef; --bad: #f0903e; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
header, main { max-width: 1000px; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; } main { padding-bottom: 3rem; }
h1, h2 { line-height: 1.2; letter-spacing: -.015em; text-wrap: balance; } h1 { font-size: clamp(1.7rem, 5vw, 2.4rem); } h2 { font-size: 1.3rem; }
section { padding-top: 1.2rem; } section + section { border-top: 1px solid var(--line); }
.note, figcaption { color: var(--soft); font-size: .875rem; } figure { margin: 0 0 1.6rem; }
.wide { overflow-x: auto; } .wide:focus-visible, summary:focus-visible { outline: 2px solid var(--mark); outline-offset: 3px; }
svg { display: block; max-width: 100%; height: auto; background: none; font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; } .wide > svg { min-width: 560px; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 290px), 1fr)); gap: 1rem 1.8rem; } .panels svg { width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { text-align: right; padding: .3rem .8rem; white-space: nowrap; border-bottom: 1px solid var(--line); } th { font-weight: 500; } tbody th { font-weight: 400; }
th:first-child { text-align: left; padding-left: 0; } summary { cursor: pointer; padding: .4rem 0; }
`;
