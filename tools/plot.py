# SPDX-License-Identifier: MIT
"""Draws curves on two logarithmic axes as an SVG picture."""

import math

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 90, 110, 40, 50
COLOURS = ("#b5452c", "#2c6fb5", "#4b8b3b")


class Axis:
    """Maps values to pixels over whole powers of `base`."""

    def __init__(self, values, base, start, end):
        self.base = base
        self.low = math.floor(math.log(min(values), base) + 1e-9)
        self.high = max(math.ceil(math.log(max(values), base) - 1e-9), self.low + 1)
        self.start, self.scale = start, (end - start) / (self.high - self.low)

    def at(self, value):
        return self.start + (math.log(value, self.base) - self.low) * self.scale

    def ticks(self):
        return [self.base ** power for power in range(self.low, self.high + 1)]


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{words}</text>'


def grid(x, y, x_label, y_label):
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for tick in x.ticks():
        yield f'<path class="grid" d="M{x.at(tick):.1f} {TOP}V{bottom}"/>'
        yield text(x.at(tick), bottom + 18, f"{tick:,.0f}")
    for tick in y.ticks():
        yield f'<path class="grid" d="M{LEFT} {y.at(tick):.1f}H{right}"/>'
        yield text(LEFT - 6, y.at(tick) + 4, f"{tick:,.0f}", "end")
    yield text((LEFT + right) / 2, HEIGHT - 12, x_label)
    yield text(LEFT, TOP - 10, y_label, "start")


def curve(x, y, name, points, colour):
    path = "L".join(f"{x.at(a):.1f} {y.at(b):.1f}" for a, b in points)
    yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for a, b in points:
        yield f'<circle cx="{x.at(a):.1f}" cy="{y.at(b):.1f}" r="3" fill="{colour}"/>'
    last = points[-1]
    yield text(x.at(last[0]) + 8, y.at(last[1]) + 4, name, "start", f'fill="{colour}"')


def draw(path, title, x_label, y_label, curves):
    """Writes the picture. curves: {name: [(x, y), ...]} with x and y above 0."""
    points = [p for c in curves.values() for p in c]
    x = Axis([p[0] for p in points], 4, LEFT, WIDTH - RIGHT)
    y = Axis([p[1] for p in points], 10, HEIGHT - BOTTOM, TOP)
    lines = ["<!-- SPDX-License-Identifier: MIT -->",
             f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="sans-serif" font-size="12">',
             "<style>.grid { stroke: #ccc; stroke-width: 0.5 }</style>",
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             text(WIDTH / 2, 16, title, more='font-weight="bold"'),
             *grid(x, y, x_label, y_label)]
    for (name, points), colour in zip(curves.items(), COLOURS):
        lines += curve(x, y, name, sorted(points), colour)
    with open(path, "w") as f:
        f.write("\n".join(lines + ["</svg>"]) + "\n")
