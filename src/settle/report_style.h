/* How the report of a pack looks, on a screen and on paper. */
#pragma once

/* A line of the page, a rule of the style, is a line here. */
/* clang-format off */
#define REPORT_TOP \
    "<!DOCTYPE html>\n" \
    "<html lang=\"en\"><head><meta charset=\"utf-8\">\n" \
    "<meta name=\"viewport\" content=\"width=device-width\">\n" \
    "<meta http-equiv=\"Content-Security-Policy\"\n" \
    "  content=\"default-src 'none'; style-src 'unsafe-inline'\">\n" \
    "<title>Evidence of calls: "

#define REPORT_STYLE \
    "</title>\n" \
    "<style>\n" \
    ":root{--ink:#1b2430;--soft:#5b6878;--line:#d5dbe3;--s0:#2f6f9f;--s1:#c9822b;\n" \
    "  --s2:#7d5ba6;--s3:#b23a48}\n" \
    "*{box-sizing:border-box}\n" \
    "body{margin:0;color:var(--ink);background:#fff;font:15px/1.5 system-ui,-apple-system,\n" \
    "  \"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif}\n" \
    "main{max-width:900px;margin:0 auto;padding:32px 24px}\n" \
    "h1{font-size:30px;line-height:1.2;margin:0}\n" \
    "h2{font-size:20px;margin:40px 0 8px;border-bottom:2px solid var(--ink);\n" \
    "  padding-bottom:4px}\n" \
    "h3{font-size:15px;margin:24px 0 4px}\n" \
    ".lead{font-size:18px;color:var(--soft);margin:4px 0 20px}\n" \
    "table{border-collapse:collapse;width:100%;margin:12px 0;font-size:13px}\n" \
    "th,td{text-align:left;vertical-align:top;padding:5px 8px;\n" \
    "  border-bottom:1px solid var(--line);overflow-wrap:anywhere}\n" \
    "thead th{border-bottom:1px solid var(--ink);color:var(--soft);font-weight:600;\n" \
    "  overflow-wrap:normal}\n" \
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n" \
    ".facts th{width:190px;color:var(--soft);font-weight:600}\n" \
    ".sum,code{font:12px/1.5 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}\n" \
    "i{color:var(--soft)}\n" \
    ".more{color:var(--soft);font-size:13px}\n" \
    ".warn{border-left:4px solid var(--s1);background:#fdf6ec;padding:8px 12px;margin:8px 0}\n" \
    ".cards{display:flex;gap:12px;margin:20px 0}\n" \
    ".card{flex:1;border:1px solid var(--line);border-radius:6px;padding:10px 12px}\n" \
    ".card b{display:block;font-size:24px;line-height:1.2}\n" \
    ".card span{color:var(--soft);font-size:13px}\n" \
    ".state{float:right;font-size:12px;font-weight:600;border-radius:10px;padding:2px 10px;\n" \
    "  color:#fff;background:#2e7d4f}\n" \
    ".state.gaps{background:#c9822b}\n" \
    ".state.open{background:#5b6878}\n" \
    "figure{margin:16px 0}\n" \
    "figcaption{font-weight:600;font-size:14px;margin-bottom:6px}\n" \
    ".key{display:inline-block;width:10px;height:10px;border-radius:2px;margin:0 4px 0 12px}\n" \
    "svg{display:block;width:100%;height:auto;font:11px system-ui,Arial,sans-serif}\n" \
    "svg text{fill:var(--ink)}\n" \
    ".end{text-anchor:end}\n" \
    ".tick{fill:var(--soft)}\n" \
    ".axis{stroke:var(--line);fill:none}\n" \
    ".s0{fill:var(--s0)}\n" \
    ".s1{fill:var(--s1)}\n" \
    ".s2{fill:var(--s2)}\n" \
    ".s3{fill:var(--s3)}\n" \
    ".k0{background:var(--s0)}\n" \
    ".k1{background:var(--s1)}\n" \
    ".k2{background:var(--s2)}\n" \
    ".k3{background:var(--s3)}\n" \
    ".two .s1{fill:var(--s3)}\n" \
    ".two .k1{background:var(--s3)}\n" \
    "td:first-child,.t{white-space:nowrap}\n" \
    "@page{size:A4;margin:16mm 14mm}\n" \
    "@media print{\n" \
    "body{font-size:10.5pt}\n" \
    "table{font-size:8.5pt}\n" \
    "th,td{padding:4px 6px}\n" \
    ".sum,code{font-size:8pt}\n" \
    "main{max-width:none;padding:0}\n" \
    "h2,h3,figcaption{break-after:avoid}\n" \
    "figure,tr,.card,.warn{break-inside:avoid}\n" \
    "thead{display:table-header-group}\n" \
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}\n" \
    "</style></head><body><main>\n"
/* clang-format on */
