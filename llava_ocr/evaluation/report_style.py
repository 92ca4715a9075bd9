"""How the evaluation's page looks: one sheet, no fonts or pictures from elsewhere, light, dark and on paper."""

STYLE = """
:root { color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2327; --soft: #5d6870; --rule: #dcdfe0; --track: #e9ebea;
  --model: #1f6f8b; --rules: #8f8b80; --good: #2e7d4f; --bad: #b3402f; --read: #d1662a; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #15191c; --card: #1e2428; --ink: #e7eaea; --soft: #9aa6ac; --rule: #333c41; --track: #2b3337;
  --model: #5fb6d2; --rules: #a39d8e; --good: #6cc08b; --bad: #ea8070; --read: #f09a5f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 3rem 0 .3rem; padding-top: 1.1rem; border-top: 1px solid var(--rule); }
p { margin: .3rem 0 .9rem; max-width: 46rem; } .soft { color: var(--soft); }
code, .mono { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: .9em; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr));
  gap: .8rem; margin: 1.6rem 0 1rem; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: .6rem; padding: .9rem 1rem; }
.card .what { color: var(--soft); font-size: .85rem; } .card .beside { color: var(--soft); font-size: .82rem; }
.card .figure { font-size: 2rem; line-height: 1.2; font-weight: 650; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; margin: .8rem 0 1.4rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .34rem .7rem .34rem 0; text-align: right;
  border-bottom: 1px solid var(--rule); white-space: nowrap; }
thead th { color: var(--soft); font-weight: 500; font-size: .85rem; }
th:first-child { text-align: left; font-weight: 500; white-space: normal; overflow-wrap: anywhere; min-width: 10rem; }
table.words td, table.words th { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 8rem; }
.up { color: var(--good); } .down { color: var(--bad); }
svg.bar { width: 9rem; height: .9rem; vertical-align: middle; }
.track { fill: var(--track); } .fill { fill: var(--model); } .tick { stroke: var(--ink); stroke-width: 1.5; }
.mark { stroke: var(--rules); stroke-width: 2.5; }
svg.curve { width: 100%; max-width: 34rem; height: auto; display: block; }
svg.curve text { fill: var(--soft); font-size: 11px; } svg.curve .grid { stroke: var(--rule); }
svg.curve .ideal { stroke: var(--soft); stroke-dasharray: 4 4; } svg.curve .count { fill: var(--track); }
svg.curve .line { fill: none; stroke: var(--model); stroke-width: 2; } svg.curve circle { fill: var(--model); }
.legend { display: flex; flex-wrap: wrap;
  gap: .3rem 1.4rem; color: var(--soft); font-size: .88rem; margin: .4rem 0 1rem; }
.swatch { display: inline-block; width: 1.3em; height: .75em; margin-right: .45em; border: 2px solid; }
.swatch.read { border-color: #d1662a; } .swatch.truth { border-color: #2e7d4f; border-style: dashed; }
.error { background: var(--card); border: 1px solid var(--rule); border-radius: .6rem; margin: .9rem 0;
  padding: .9rem 1rem;
  break-inside: avoid; }
.error header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .2rem 1rem; }
.error h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
.error dl { display: grid; grid-template-columns: 6.5rem 1fr; gap: .15rem .8rem; margin: .6rem 0; }
.error dt { color: var(--soft); } .error dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
.error dd.truth { color: var(--good); } .error dd.read { color: var(--read); }
figure { margin: .6rem 0 0; } figcaption { color: var(--soft); font-size: .82rem; }
figure img { max-width: 100%; height: auto; display: block; border: 1px solid var(--rule); border-radius: .3rem; }
@media print { :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --rule: #bbb; --track: #e6e6e6;
    --model: #1f6f8b; --rules: #777; --good: #1f6b3f; --bad: #9c2f20; --read: #b3521d; color-scheme: light; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; }
  h2 { break-after: avoid; } .scroll { overflow: visible; }
  tr, .card { break-inside: avoid; } * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""
