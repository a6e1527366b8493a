"""Panels of scores against epsilon in one SVG of few elements: a curve is one path, and another for its errors."""

import math
from html import escape

PANEL, TOP, BOTTOM, LEFT, RIGHT = 270, 24, 40, 44, 12
LEGEND_ROW = 18
DASHED = ' stroke-dasharray="4 2"'
# In a box of 10 by 10.
SHAPES = {
    "o": "M5 1a4 4 0 1 0 .01 0z",
    "s": "M1.5 1.5h7v7h-7z",
    "D": "M5 .8L9.2 5 5 9.2.8 5z",
    "^": "M5 1L9 9H1z",
    "v": "M5 9L9 1H1z",
    "x": "M1.5 1.5l7 7m0-7l-7 7",
    "*": "M5 .5L6.2 3.8 9.6 3.9 6.9 6 7.9 9.4 5 7.4 2.1 9.4 3.1 6 .4 3.9 3.8 3.8z",
}


class Curve:
    """Points (epsilon, score, error); without a marker a level: one point, shown as a dashed line from side to side."""

    def __init__(self, label, points, colour, marker, width):
        self.label, self.points, self.colour, self.marker, self.width = label, points, colour, marker, width


class Scale:
    """Values brought to pixels, with what is written beside an axis."""

    def __init__(self, values, start, end, logarithmic, ticks=None):
        self.logarithmic = logarithmic
        low, high = (self._value(limit(values)) for limit in (min, max))
        slack = 0.045 * (high - low) or 0.05
        self.low, self.high, self.start, self.end = low - slack, high + slack, start, end
        self.ticks = ticks or [tick for tick in self._ticks() if self.low <= self._value(tick) <= self.high]

    def _value(self, value):
        return math.log10(value) if self.logarithmic else value

    def _ticks(self):
        if self.logarithmic:
            decades = range(math.floor(self.low), math.ceil(self.high) + 1)
            return [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
        magnitude = 10.0 ** math.floor(math.log10((self.high - self.low) / 4))
        step = next(size * magnitude for size in (1, 2, 5, 10) if (self.high - self.low) / (size * magnitude) <= 8)
        return [round(i * step, 10) for i in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]

    def __call__(self, value):
        share = (self._value(value) - self.low) / (self.high - self.low)
        return number(self.start + share * (self.end - self.start))


def number(value):
    return f"{value:.1f}".removesuffix(".0")


def text(x, y, what, anchor="middle", size=9):
    size = f' font-size="{size}"' if size != 9 else ""
    return f'<text x="{number(x)}" y="{number(y)}" text-anchor="{anchor}"{size}>{escape(what)}</text>'


def line(path, colour, width, rest=""):
    return f'<path d="{path}" stroke="{colour}" stroke-width="{width}"{rest}/>'


class Figure:
    def __init__(self, columns, width, epsilons):
        self.columns, self.width, self.epsilons = columns, width, epsilons
        self.parts, self.markers, self.legend, self.panels = [], {}, {}, 0

    def _marked(self, curve):
        """The attributes that put a curve's marker on each of its points."""
        shape = curve.marker
        name = self.markers.setdefault((shape, curve.colour), f"m{len(self.markers)}")
        return "".join(f' marker-{where}="url(#{name})"' for where in ("start", "mid", "end"))

    def panel(self, title, curves, logarithmic):
        left = LEFT + self.panels % self.columns * (self.width / self.columns)
        right = left + self.width / self.columns - LEFT - RIGHT
        top = TOP + self.panels // self.columns * PANEL
        bottom = top + PANEL - TOP - BOTTOM - 10
        self.panels += 1
        scores = [score for curve in curves for _, score, _ in curve.points]
        ends = [s + sign * e for c in curves for _, s, e in c.points for sign in (-1, 1) if not logarithmic or s > e]
        x = Scale(self.epsilons, left, right, True, self.epsilons)
        y = Scale(scores + ends, bottom, top, logarithmic)

        grid = "".join(f"M{x(tick)} {number(top)}V{number(bottom)}" for tick in x.ticks)
        grid += "".join(f"M{number(left)} {y(tick)}H{number(right)}" for tick in y.ticks)
        self.parts.append(line(grid, "#ddd", 0.6))
        for curve in sorted(curves, key=lambda curve: curve.width):
            self.legend.setdefault(curve.label, curve)
            if curve.marker is None:
                level = y(curve.points[0][1])
                self.parts.append(line(f"M{number(left)} {level}H{number(right)}", curve.colour, 1, DASHED))
                continue
            at = [(x(epsilon), y(score)) for epsilon, score, _ in curve.points]
            # The markers of a path that goes nowhere are not drawn everywhere.
            path = "M" + "L".join(f"{across} {up}" for across, up in at) + ("" if at[1:] else "h0")
            self.parts.append(line(path, curve.colour, curve.width, self._marked(curve)))
            bars = ""
            for epsilon, score, error in curve.points:
                low, high = score - error, score + error
                if error > 0 and (low > 0 or not logarithmic) and y(low) != y(high):
                    across = float(x(epsilon)) - 2
                    bars += f"M{number(across)} {y(low)}h4m-2 0V{y(high)}m-2 0h4"
            if bars:
                self.parts.append(line(bars, curve.colour, 1))
        axes = f"M{number(left)} {number(top)}V{number(bottom)}H{number(right)}"
        axes += "".join(f"M{x(tick)} {number(bottom)}v4" for tick in x.ticks)
        axes += "".join(f"M{number(left)} {y(tick)}h-4" for tick in y.ticks)
        self.parts.append(line(axes, "#000", 0.8))
        middle = (left + right) / 2
        self.parts += [text(float(x(tick)), bottom + 14, f"{tick:g}") for tick in x.ticks]
        self.parts += [text(left - 6, float(y(tick)) + 3, f"{tick:g}", "end") for tick in y.ticks]
        self.parts += [text(middle, bottom + 28, "epsilon"), text(middle, top - 6, title, size=11)]

    def save(self, path, order, legend_columns):
        """Writes it, with a legend of the labels in an order."""
        labels = [label for label in order if label in self.legend]
        rows = math.ceil(len(labels) / legend_columns)
        top = PANEL * math.ceil(self.panels / self.columns)
        for i, label in enumerate(labels):
            curve = self.legend[label]
            left = LEFT + i // rows * ((self.width - LEFT) / legend_columns)
            y = top + LEGEND_ROW * (i % rows + 0.5)
            if curve.marker is None:
                self.parts.append(line(f"M{number(left)} {number(y)}h24", curve.colour, 1, DASHED))
            else:
                name = self.markers[curve.marker, curve.colour]
                rest = f' marker-mid="url(#{name})"'
                self.parts.append(line(f"M{number(left)} {number(y)}h12h12", curve.colour, curve.width, rest))
            self.parts.append(text(left + 30, y + 3, label, "start"))
        height = number(top + LEGEND_ROW * (rows + 0.5))
        markers = "\n".join(
            f'<marker id="{name}" viewBox="0 0 10 10" refX="5" refY="5" markerWidth="6" markerHeight="6" markerUnits='
            f'"userSpaceOnUse"><path d="{SHAPES[shape]}" style="fill:{"none" if shape == "x" else colour};'
            f'stroke:{colour}"/></marker>'
            for (shape, colour), name in self.markers.items()
        )
        body = "\n".join(self.parts)
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}pt" height="{height}pt"'
            f' viewBox="0 0 {self.width} {height}" font-family="sans-serif" font-size="9">\n'
            f'<style>path{{fill:none;stroke-linejoin:round}}text{{fill:#000}}</style>\n<path d="M0 0H{self.width}V{height}H0z"'
            f' style="fill:#fff"/>\n<defs>\n{markers}\n</defs>\n{body}\n</svg>\n'
        )
