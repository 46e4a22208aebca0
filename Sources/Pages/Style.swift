extension HTMLPage {
    /// Everything the page needs to look right: it loads nothing. Wide tables scroll by themselves on a phone; on paper the
    /// colours are those of light mode and sections are kept together.
    static let style: StaticString = """
        :root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6576;--paper:#fff;--card:#f5f6f8;--line:#d9dde4;\
        --fp32:#8a94a6;--int8:#2563c9;--good:#1c7c4a;--bad:#b3261e;--other:#c9ced8}
        @media (prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#9aa4b5;--paper:#14171c;--card:#1d2129;\
        --line:#323844;--fp32:#7d879a;--int8:#6ea0f4;--good:#58c48b;--bad:#f2877f;--other:#3b4250}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
        main{max-width:56rem;margin:0 auto;padding:1.5rem 1rem 4rem}
        h1{font-size:1.5rem;line-height:1.3;margin:.2rem 0 1rem}
        h2{font-size:1.1rem;margin:2.4rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--line)}
        .kicker,.note,figcaption,caption{color:var(--soft);font-size:.875rem}
        .kicker{margin:0;overflow-wrap:anywhere}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;padding:0;list-style:none}
        .tiles li{background:var(--card);border-radius:.5rem;padding:.7rem .9rem}
        .tiles b{display:block;font-size:1.4rem;line-height:1.2}
        .tiles span{color:var(--soft);font-size:.8125rem}
        .good{color:var(--good)}.bad{color:var(--bad)}
        .wide{overflow-x:auto;margin:1rem 0}
        table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.9375rem}
        caption{text-align:left;padding:.2rem 0}
        th,td{text-align:right;padding:.3rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
        th:first-child{text-align:left;font-weight:500;padding-left:0}
        thead th{color:var(--soft);font-weight:500;font-size:.8125rem}
        dl{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.25rem 1rem;margin:.6rem 0}
        dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
        figure{margin:1rem 0;overflow-x:auto}svg{display:block;width:100%;height:auto;max-width:34rem}
        svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg text.soft{fill:var(--soft)}
        .fp32,.float{fill:var(--fp32)}.int8,.integer{fill:var(--int8)}.other{fill:var(--other)}
        svg .good{fill:var(--good)}svg .bad{fill:var(--bad)}
        .line{fill:none;stroke-width:1.5;stroke-linejoin:round}.line.fp32{stroke:var(--fp32)}.line.int8{stroke:var(--int8)}
        .area{fill-opacity:.65}.grid{stroke:var(--line)}
        .keys{display:block}.entry{display:inline-block;white-space:nowrap;margin-right:1em}
        .key{display:inline-block;width:.75em;height:.75em;border-radius:2px;margin-right:.35em;print-color-adjust:exact}
        .key.fp32{background:var(--fp32)}.key.int8{background:var(--int8)}.key.good{background:var(--good)}
        .key.bad{background:var(--bad)}
        .interval{stroke:var(--ink);stroke-width:1.5}
        details{margin:.6rem 0}summary{cursor:pointer;color:var(--soft);font-size:.875rem}
        ul.plain{padding-left:1.1rem}ul.plain li{overflow-wrap:anywhere}code{overflow-wrap:anywhere;font-size:.875em}
        @media (max-width:34rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}}
        @media print{:root{color-scheme:light}body{font-size:11pt}main{max-width:none;padding:0}\
        figure,tr,.tiles{break-inside:avoid}h2{break-after:avoid}.tiles li{border:1px solid var(--line)}}
        """
}
