"""Training curves as one self-contained HTML page: inline SVG, and a read-out under the pointer.

The curves are drawn into the page here, so it reads without JavaScript too; the script of ``curves.html`` only
adds the read-out. The still picture of the same is in ``curves``.
"""

from __future__ import annotations

import html
import json
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from pointsra.visualization.curves import Curve, CurveSeries, Panel, panels_of, run_color
from pointsra.visualization.palette import hex_color
from pointsra.visualization.plotting import DASH, stretches

_WIDTH, _HEIGHT = 400.0, 210.0  # a panel's drawing area, in SVG units
_TOP, _FOOT, _RIGHT = 8.0, 26.0, 10.0
_NARROWEST, _LETTER = 52.0, 7.0  # what is left of a panel: at least, and for each letter of its longest label (ours)
_MOST_POINTS = 600  # a page of ten terms and three runs stays below a megabyte


def curves_page(series: CurveSeries, title: str = "Training curves", window: int | None = None) -> str:
    """Small multiples of training curves as one page of HTML.

    Args:
        series: run -> term -> (steps (R,), values (R,)); NaN leaves a gap.
        title: the headline, shown as it is.
        window: records a running mean covers; None: see ``curves.panels_of``.

    Raises:
        ValueError: there is no term, or steps and values differ in number.
    """
    panels = panels_of(series, window)
    longest = max((len(label) for panel in panels for label in panel.values.labels), default=0)
    left = max(_NARROWEST, 12.0 + _LETTER * longest)
    figures = "\n".join(_panel(panel, left) for panel in panels)
    runs = list(series)
    legend = ""
    if len(runs) > 1:
        items = (
            f'<li><i style="background:{hex_color(run_color(number))}"></i>{html.escape(run)}</li>'
            for number, run in enumerate(runs)
        )
        legend = f'<ul id="legend">{"".join(items)}</ul>'
    data = [
        {
            "low": panel.steps.low,
            "high": panel.steps.high,
            "valueLow": panel.values.low,
            "valueHigh": panel.values.high,
            "log": panel.values.log,
            "curves": [_readout(curve) for curve in panel.curves],
        }
        for panel in panels
    ]
    payload = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    parts = {
        "title": html.escape(title),
        "legend": legend,
        "panels": figures,
        "data": payload.replace("<", "\\u003c"),
        "area": json.dumps([left, _TOP, _WIDTH, _HEIGHT]),
    }
    template = resources.files("pointsra.visualization").joinpath("curves.html").read_text(encoding="utf-8")
    before, *rest = template.split("{{")
    filled = [before]
    for piece in rest:
        name, _, after = piece.partition("}}")
        filled += [parts[name], after]
    return "".join(filled)


def _thinned(curve: Curve) -> NDArray[np.int64]:
    count = len(curve.steps)
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).round().astype(np.int64))


def _readout(curve: Curve) -> dict[str, object]:
    kept = _thinned(curve)

    def short(values: NDArray[np.float64]) -> list[float | None]:
        return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values[kept]]

    steps = [float(step) if np.isfinite(step) else 0.0 for step in curve.steps[kept]]
    return {
        "run": curve.run,
        "color": hex_color(curve.color),
        "steps": [int(step) if step == int(step) else step for step in steps],
        "values": short(curve.values),
        "means": short(curve.mean),
    }


def _panel(panel: Panel, left: float) -> str:
    wide, tall = left + _WIDTH + _RIGHT, _TOP + _HEIGHT + _FOOT
    pieces: list[str] = []
    for share, label in zip(panel.values.place(panel.values.ticks), panel.values.labels, strict=True):
        y = _TOP + (1 - share) * _HEIGHT
        pieces.append(f'<path class="rule" d="M{left} {y:.1f}H{left + _WIDTH}"/>')
        pieces.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{html.escape(label)}</text>')
    for share, label in zip(panel.steps.place(panel.steps.ticks), panel.steps.labels, strict=True):
        x = left + share * _WIDTH
        anchor = "end" if share > 0.97 else "middle"
        pieces.append(f'<path class="axis" d="M{x:.1f} {_TOP + _HEIGHT}v4"/>')
        pieces.append(f'<text x="{x:.1f}" y="{_TOP + _HEIGHT + 19}" text-anchor="{anchor}">{html.escape(label)}</text>')
    pieces.append(f'<path class="axis" d="M{left} {_TOP + _HEIGHT}H{left + _WIDTH}"/>')
    pieces.append(f'<text x="{left - 18}" y="{_TOP + _HEIGHT + 19}" text-anchor="end">step</text>')
    for kind in ("raw", "mean"):
        for curve in panel.curves:
            kept = _thinned(curve)
            x = left + panel.steps.place(curve.steps[kept]) * _WIDTH
            values = curve.values if kind == "raw" else curve.mean
            y = _TOP + (1 - panel.values.place(values[kept])) * _HEIGHT
            beneath = curve.beneath[kept] * (kind == "mean")
            for same, others in stretches(beneath) or [(slice(0), 0)]:
                along = slice(same.start, same.stop + 1)  # up to where the next begins
                dash, gap = DASH * (len(panel.curves) - others), DASH * others
                dashed = f' stroke-dasharray="{dash:g} {gap:g}" style="stroke-linecap:butt"' if others else ""
                pieces.append(
                    f'<path class="{kind}" stroke="{hex_color(curve.color)}"{dashed} d="{_path(x[along], y[along])}"/>'
                )
    pieces.append(f'<path class="hair" d="M0 {_TOP}v{_HEIGHT}" visibility="hidden"/>')
    name = html.escape(panel.term.replace("_", " "))
    log = " <small>log scale</small>" if panel.values.log else ""
    drawing = "".join(pieces)
    return (
        f'<figure><figcaption><b>{name}</b>{log}<span class="now"></span></figcaption>'
        f'<svg viewBox="0 0 {wide:g} {tall:g}" role="img" aria-label="{name} by step">{drawing}</svg></figure>'
    )


def _path(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """An SVG path that lifts the pen at NaN; a point alone becomes a dot."""
    words: list[str] = []
    lifted = True
    for across, down in zip(x.tolist(), y.tolist(), strict=True):
        if not (np.isfinite(across) and np.isfinite(down)):
            lifted = True
            continue
        words.append(f"{'M' if lifted else 'L'}{across:.1f} {down:.1f}" + ("h0" if lifted else ""))
        lifted = False
    return "".join(words)
