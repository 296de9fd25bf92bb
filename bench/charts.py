"""Bars as SVG, from the benchmark's figures: the cost of a request beside nginx, one picture a case."""

import html

WIDTH, BAR, GAP, LEFT, RIGHT, TOP = 720, 22, 8, 190, 110, 56
OURS, OTHERS = "#0b6e99", "#9aa5b1"


def bar(at, name, value, most, base):
    y = TOP + at * (BAR + GAP)
    width = max(2, (WIDTH - LEFT - RIGHT) * value / most)
    said = f"{value:,.0f} us" + (f", {value / base:.2f} x" if base else "")
    return (f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{html.escape(name)}</text>'
            f'<rect x="{LEFT}" y="{y}" width="{width:.0f}" height="{BAR}" fill="{OURS if name.startswith("Entrepot") else OTHERS}"/>'
            f'<text x="{LEFT + width + 6:.0f}" y="{y + 15}">{said}</text>')


def picture(title, rows, machine):
    base = rows.get("nginx", {}).get("cpu_us")
    light = {name: row["cpu_us"] for name, row in rows.items()}
    most = max(light.values())
    height = TOP + len(rows) * (BAR + GAP) + 28
    bars = "\n".join(bar(at, name, value, most, base) for at, (name, value) in enumerate(light.items()))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" \
font-family="sans-serif" font-size="13" fill="#1f2933" role="img" aria-label="{html.escape(title)}">
<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>
<text x="12" y="22" font-size="15" font-weight="bold">{html.escape(title)}</text>
<text x="12" y="42">CPU a request, and over nginx's; shorter is better</text>
{bars}
<text x="12" y="{height - 10}" font-size="11" fill="#616e7c">{html.escape(machine)}</text>
</svg>
"""


def draw(folder, results, machine):
    """A picture for each case that has figures, by the case's short name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (title, rows) in results.items():
        if rows:
            (folder / f"{name}.svg").write_text(picture(title, rows, machine))
            print(f"chart  docs/charts/{name}.svg")
