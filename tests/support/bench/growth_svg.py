"""Time and memory against order lines as an SVG: two log-log panels, readable on light and on dark pages."""
import math

WIDTH, HEIGHT = 960, 420
PANEL_W, PANEL_H, TOP = 330, 290, 50
LEFTS = (70, 540)

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .title { font-weight: 600; font-size: 15px }
  .tick { font-size: 12px; fill: #666 }
  .grid { stroke: #ddd; stroke-width: 1 }
  .frame { stroke: #999; fill: none }
  .line { fill: none; stroke-width: 2 }
  .reference { fill: none; stroke: #888; stroke-width: 1.5; stroke-dasharray: 5 5 }
  .c0 { stroke: #111 } .d0 { fill: #111 }
  .c1 { stroke: #0b6bcb } .d1 { fill: #0b6bcb }
  .c2 { stroke: #c2410c } .d2 { fill: #c2410c }
  .c3 { stroke: #15803d } .d3 { fill: #15803d }
  .c4 { stroke: #7e22ce } .d4 { fill: #7e22ce }
  @media (prefers-color-scheme: dark) {
    svg { background: #16181c }
    text { fill: #ddd } .tick { fill: #aaa } .grid { stroke: #333 } .frame { stroke: #777 }
    .c0 { stroke: #fff } .d0 { fill: #fff }
    .c1 { stroke: #6cb2ff } .d1 { fill: #6cb2ff }
    .c2 { stroke: #ff9a5c } .d2 { fill: #ff9a5c }
    .c3 { stroke: #5fd38a } .d3 { fill: #5fd38a }
    .c4 { stroke: #cf9bff } .d4 { fill: #cf9bff }
  }"""


def decades(values):
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


def short(number):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"


class Panel:
    def __init__(self, left, title, xs, values):
        self.left, self.title = left, title
        self.x_low, self.x_high = decades(xs)
        if self.x_low == self.x_high:
            self.x_high += 1
        self.y_low, self.y_high = decades(values)
        if self.y_low == self.y_high:
            self.y_high += 1

    def x(self, value):
        return self.left + (math.log10(value) - self.x_low) / (self.x_high - self.x_low) * PANEL_W

    def y(self, value):
        return TOP + PANEL_H - (math.log10(value) - self.y_low) / (self.y_high - self.y_low) * PANEL_H

    def frame(self):
        yield f'<text class="title" x="{self.left}" y="{TOP - 18}">{self.title}</text>'
        for power in range(self.x_low, self.x_high + 1):
            x = self.x(10**power)
            yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + PANEL_H}"/>'
            yield f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{TOP + PANEL_H + 18}">{short(10**power)}</text>'
        for power in range(self.y_low, self.y_high + 1):
            y = self.y(10**power)
            yield f'<line class="grid" x1="{self.left}" y1="{y:.1f}" x2="{self.left + PANEL_W}" y2="{y:.1f}"/>'
            yield f'<text class="tick" text-anchor="end" x="{self.left - 8}" y="{y + 4:.1f}">{short(10.0**power)}</text>'
        yield f'<rect class="frame" x="{self.left}" y="{TOP}" width="{PANEL_W}" height="{PANEL_H}"/>'
        yield (f'<text class="tick" text-anchor="middle" x="{self.left + PANEL_W / 2}" '
               f'y="{TOP + PANEL_H + 40}">order lines</text>')

    def series(self, number, points):
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        yield f'<polyline class="line c{number}" points="{path}"/>'
        for x, y in points:
            yield f'<circle class="d{number}" cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="3"/>'

    def reference(self, x, y):
        """y proportional to x, through the point, as far as it stays inside."""
        low, high = (max(10**self.x_low, x * 10**self.y_low / y), min(10**self.x_high, x * 10**self.y_high / y))
        yield (f'<line class="reference" x1="{self.x(low):.1f}" y1="{self.y(low * y / x):.1f}" '
               f'x2="{self.x(high):.1f}" y2="{self.y(high * y / x):.1f}"/>')

    def names(self, ends):
        """Beside the last points, moved apart where they would overlap."""
        last = -1e9
        for y, number, name in sorted((self.y(value), number, name) for value, number, name in ends):
            last = max(y, last + 16)
            yield f'<text class="d{number}" x="{self.left + PANEL_W + 8}" y="{last + 4:.1f}">{name}</text>'


def draw_panel(left, title, series):
    xs = [x for _, points in series for x, _ in points]
    panel = Panel(left, title, xs, [y for _, points in series for _, y in points])
    yield from panel.frame()
    yield from panel.reference(*series[0][1][-1])
    for number, (_, points) in enumerate(series):
        yield from panel.series(number, points)
    yield from panel.names([(points[-1][1], number, name) for number, (name, points) in enumerate(series)])


def draw(rows):
    """rows: results of bench_engine engine, by growing lines."""
    lines = [row["facts"]["lines"] for row in rows]
    names = list(rows[0]["phases_s"])
    times = [("all", [(x, row["median_s"]) for x, row in zip(lines, rows)])]
    times += [(name, [(x, max(row["phases_s"][name], 1e-6)) for x, row in zip(lines, rows)]) for name in names]
    memory = [("peak", [(x, row["peak_mib"]) for x, row in zip(lines, rows)]),
              ("orders", [(x, row["base_mib"]) for x, row in zip(lines, rows)])]
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
             f"<title>The engine's time and memory by order lines</title><style>{STYLE}\n</style>",
             *draw_panel(LEFTS[0], "seconds, orders in memory to final bundles", times),
             *draw_panel(LEFTS[1], "MiB of the process", memory),
             f'<text class="tick" x="{LEFTS[0]}" y="{HEIGHT - 8}">dashed: proportional to the lines. '
             'orders: loaded, before anything is worked out</text>', "</svg>"]
    return "\n".join(parts) + "\n"
