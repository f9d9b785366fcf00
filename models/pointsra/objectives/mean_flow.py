"""MeanFlow (Geng et al., 2025, arXiv 2505.13447) and its improved form (arXiv 2512.02012).

The average velocity u(z_t, r, t) over [r, t] obeys u = v − (t − r) d/dt u, where d/dt u = v·∂_z u + ∂_t u is one
Jacobian-vector product with tangents (v, 0, 1) for (z, r, t). Written as a regression on the sample's velocity,

    V = u(z_t, r, t) + (t − r) · sg(d/dt u),    loss = mean of w ‖V − (z₁ − z₀)‖²,

which has the gradient of the original target u_tgt = v − (t − r) d/dt u. The tangent v is the sample's own
velocity in the original ("conditional") and the network's u(z_t, t, t) in the improved form ("predicted").
Rows with r = t are plain flow matching, bit for bit. w = 1 / (error + ε)^p, a cloud at a time, without gradient; with
a limit, w is also at most limit / error.

The JVP runs without graph and only for rows with r ≠ t; an ordinary forward pass carries the gradient.

With α > 0 the derivative is a difference over a share α of the interval, as in α-Flow (Zhang et al., 2026,
arXiv 2510.20771): a step to s = t − α (t − r) along the tangent, and, since (t − r) u(z_t, r, t) is (t − s) times the
mean velocity over [s, t] plus (s − r) u(z_s, r, s),

    V = u + (1 − α) / α · sg(u(z_t, r, t) − u(z_s, r, s)).

α → 0 is MeanFlow, α = 1 flow matching of every row. A derivative can be any size, a difference is bounded by what the
network says; the price is that of Euler steps of α of what is left. (1 − α) / α makes the rounding of both answers as
much larger, and in bfloat16 that is as large as their difference: autocast or not, they are in single precision.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import jvp
from torch.nn.attention import SDPBackend, sdpa_kernel

from pointsra.objectives.path import (
    FlowLoss,
    Network,
    Path,
    TimeSampler,
    batch_mean,
    draw_by_euler,
    interpolate,
    masked_mean,
)

_EPSILON = 1e-2  # published for the sum of a sample's squares, here of their mean (ours): it levels off sooner


class MeanFlow:
    """Path, loss and sampler of MeanFlow.

    Args:
        times: how (r, t) are drawn.
        tangent: "predicted" or "conditional".
        adaptive_power: p of the adaptive weight; 0 is the plain mean squared error.
        error_limit: what a cloud may add to the mean, its share included; one of a larger error is weighed down to it,
            0 weighs none. The JVP of a few clouds can be tens of times too large, and an optimizer that ignores the
            length of a gradient follows it.
        alpha: α, 0 to 1; 0 takes the derivative, by a JVP.
    """

    def __init__(
        self,
        times: TimeSampler,
        tangent: str = "predicted",
        adaptive_power: float = 0.0,
        error_limit: float = 0.0,
        alpha: float = 0.0,
    ) -> None:
        self.times = times
        self.tangent = tangent
        self.adaptive_power = adaptive_power
        self.error_limit = error_limit
        self.alpha = alpha

    def sample_path(self, data: Tensor, noise: Tensor, generator: torch.Generator) -> Path:
        """Draw times for data and noise (B, T, 3) and go there."""
        r, t = (time.to(data) for time in self.times.draw(len(data), generator))
        return Path(data, noise, r, t, interpolate(data, noise, t))

    def loss(self, network: Network, path: Path, active: Tensor, share: Tensor | None = None) -> FlowLoss:
        """The term for a batch.

        Args:
            network: the flow; its conditions are inside. Gradients flow through one call only.
            path: from :meth:`sample_path`.
            active: (B, T) bool, the slots that hold state.
            share: (B,) how much each cloud counts, 1 on average; None: all alike.
        """
        output = network(path.state, path.r, path.t, None)
        predicted = output.velocity.float()
        correction = torch.zeros_like(predicted)
        rows = (path.r != path.t).nonzero().squeeze(1)
        if len(rows):
            if self.alpha:
                correction[rows] = self.difference(network, path, rows, predicted.detach()[rows])
            else:
                change = self.total_derivative(network, path, rows)
                correction[rows] = (path.t - path.r)[rows, None, None] * change.float()
        error = masked_mean((predicted + correction - path.velocity).square(), active)
        weight = (error.detach() + _EPSILON).pow(-self.adaptive_power)
        if self.error_limit:
            counted = error.detach() if share is None else share * error.detach()
            weight = torch.minimum(weight, self.error_limit / counted)
        with torch.no_grad():
            same = path.r == path.t
            plain = error[same].mean() if bool(same.any()) else error.mean()
        return FlowLoss(batch_mean(weight * error, share), plain, output)

    @torch.no_grad()
    def total_derivative(self, network: Network, path: Path, rows: Tensor) -> Tensor:
        """d/dt u along the flow for some clouds.

        Args:
            rows: (b,) int64 indices of clouds.

        Returns:
            (b, T, 3), without graph.
        """
        state, r, t = path.state[rows], path.r[rows], path.t[rows]
        tangents = (self._velocity(network, path, rows), torch.zeros_like(r), torch.ones_like(t))
        # Fused attention has no forward-mode derivative; the plain backend does.
        with sdpa_kernel(SDPBackend.MATH):
            return jvp(lambda z, a, b: network(z, a, b, rows).velocity, (state, r, t), tangents)[1]

    @torch.no_grad()
    def difference(self, network: Network, path: Path, rows: Tensor, here: Tensor) -> Tensor:
        """(t − r) d/dt u for some clouds as a difference over a share α of the interval.

        Args:
            rows: (b,) int64 indices of clouds.
            here: (b, T, 3) u(z_t, r, t) of these; asked again where it may have been rounded by autocast.

        Returns:
            (b, T, 3), without graph.
        """
        state, r, t = path.state[rows], path.r[rows], path.t[rows]
        step = self.alpha * (t - r)
        moved = state - step[:, None, None] * self._velocity(network, path, rows)
        kind = state.device.type
        rounded = torch.is_autocast_enabled(kind)
        with torch.autocast(kind, enabled=False):
            here = network(state, r, t, rows).velocity if rounded else here
            return (1 - self.alpha) / self.alpha * (here - network(moved, r, t - step, rows).velocity)

    def _velocity(self, network: Network, path: Path, rows: Tensor) -> Tensor:
        """The tangent (b, T, 3) at z_t."""
        if self.tangent == "conditional":
            return path.velocity[rows]
        state, t = path.state[rows], path.t[rows]
        return network(state, t, t, rows).velocity.to(state.dtype)

    def draw(self, network: Network, noise: Tensor, steps: int = 1) -> Tensor:
        """Samples z₀ (B, T, 3) from noise z₁ in ``steps`` evaluations; one is z₀ = z₁ − u(z₁, 0, 1)."""
        return draw_by_euler(network, noise, steps, average=True)
