"""Tasks a second by worker processes as an SVG: one line for each contender, on a logarithmic scale."""
import math

from growth_svg import STYLE, decades, short

WIDTH, HEIGHT = 760, 360
LEFT, TOP, PLOT_W, PLOT_H = 70, 50, 420, 240
COLOURS = {True: 1, False: 2}  # ours, theirs


def draw(rows):
    """rows: of queue_bench.py, each with by, is_ours, processes, tasks_per_s."""
    counts = sorted({row["processes"] for row in rows})
    low, high = decades([row["tasks_per_s"] for row in rows])

    def x(processes):
        return LEFT + (counts.index(processes) + 0.5) / len(counts) * PLOT_W

    def y(rate):
        return TOP + PLOT_H - (math.log10(rate) - low) / max(high - low, 1) * PLOT_H

    def axes():
        for power in range(low, high + 1):
            at = y(10**power)
            yield f'<line class="grid" x1="{LEFT}" y1="{at:.1f}" x2="{LEFT + PLOT_W}" y2="{at:.1f}"/>'
            yield f'<text class="tick" text-anchor="end" x="{LEFT - 8}" y="{at + 4:.1f}">{short(10.0**power)}</text>'
        for processes in counts:
            yield f'<text class="tick" text-anchor="middle" x="{x(processes):.1f}" y="{TOP + PLOT_H + 18}">{processes}</text>'
        yield f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{PLOT_W}" height="{PLOT_H}"/>'
        yield f'<text class="tick" text-anchor="middle" x="{LEFT + PLOT_W / 2}" y="{TOP + PLOT_H + 40}">worker processes</text>'

    def line(by):
        mine = sorted((row for row in rows if row["by"] == by), key=lambda row: row["processes"])
        colour = COLOURS[mine[0]["is_ours"]]
        points = [(x(row["processes"]), y(row["tasks_per_s"])) for row in mine]
        yield f'<polyline class="line c{colour}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>'
        for (a, b), row in zip(points, mine):
            yield f'<circle class="d{colour}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>'
            yield f'<text class="d{colour}" text-anchor="middle" x="{a:.1f}" y="{b - 8:.1f}">{row["tasks_per_s"]:,.0f}</text>'
        yield f'<text class="d{colour}" x="{LEFT + PLOT_W + 8}" y="{points[-1][1] + 4:.1f}">{by}</text>'

    names = list(dict.fromkeys(row["by"] for row in rows))
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f"<title>Tasks a second by worker processes</title><style>{STYLE}\n</style>",
        f'<text class="title" x="{LEFT}" y="{TOP - 18}">tasks a second, 1 parent with 40 no-op tasks of 1,024 bytes</text>',
        *axes(), *(part for name in names for part in line(name)), "</svg>"]) + "\n"
