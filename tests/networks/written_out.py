"""The peers' arithmetic written out with functional torch, from tensors by name: slow twins of the networks."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def below(tensors, prefix):
    """The tensors of one module, without its prefix."""
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def linear(tensors, name, values):
    return values @ tensors[f"{name}.weight"].T + tensors.get(f"{name}.bias", 0.0)


def layer_norm(tensors, name, values):
    centered = values - values.mean(-1, keepdim=True)
    scaled = centered / (centered.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def batch_norm(tensors, name, values):
    """With running statistics, as in evaluation."""
    scaled = (values - tensors[f"{name}.running_mean"]) / (tensors[f"{name}.running_var"] + 1e-5).sqrt()
    return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def gelu(values):
    return 0.5 * values * (1.0 + torch.erf(values / 2**0.5))


def attend(queries, keys, values, heads):
    """Softmax attention of (T, C) to (U, C), a head at a time."""
    outputs = []
    for q, k, v in zip(queries.chunk(heads, -1), keys.chunk(heads, -1), values.chunk(heads, -1), strict=True):
        outputs.append((q @ k.T / q.shape[-1] ** 0.5).softmax(-1) @ v)
    return torch.cat(outputs, -1)


def mlp(tensors, tokens):
    return linear(tensors, "mlp.fc2", gelu(linear(tensors, "mlp.fc1", tokens)))


def block(tensors, tokens, heads, forbidden=None):
    """A pre-norm block on the tokens (T, C) of one cloud; ``forbidden`` (T, T) pairs get −1e5 as in Point-M2AE."""
    normed = layer_norm(tensors, "norm1", tokens)
    q, k, v = (normed @ tensors["attn.qkv.weight"].T).chunk(3, -1)
    if forbidden is None:
        mixed = attend(q, k, v, heads)
    else:
        parts = []
        for qh, kh, vh in zip(q.chunk(heads, -1), k.chunk(heads, -1), v.chunk(heads, -1), strict=True):
            scores = qh @ kh.T / qh.shape[-1] ** 0.5 - 1e5 * forbidden.to(qh)
            parts.append(scores.softmax(-1) @ vh)
        mixed = torch.cat(parts, -1)
    tokens = tokens + linear(tensors, "attn.proj", mixed)
    return tokens + mlp(tensors, layer_norm(tensors, "norm2", tokens))


def mini_point_net(tensors, neighborhoods):
    """(V, K, inputs) → (V, C): [global, local] joined for every point, maximum over the points."""
    local = linear(tensors, "first.0", neighborhoods)
    local = linear(tensors, "first.3", F.relu(batch_norm(tensors, "first.1", local)))
    largest = local.max(dim=1, keepdim=True).values.expand_as(local)
    joined = linear(tensors, "joined", torch.cat([largest, local], -1))
    return linear(tensors, "second.2", F.relu(batch_norm(tensors, "second.0", joined))).max(dim=1).values


def positions(tensors, centers):
    return linear(tensors, "layers.2", gelu(linear(tensors, "layers.0", centers)))


def encoder(tensors, centers, neighborhoods, depth, heads):
    """Point-MAE's encoder on one cloud's visible patches, (V, 3) and (V, K, 3); queries, where there are, in front."""
    tokens = mini_point_net(below(tensors, "embedding."), neighborhoods)
    if "reduce.weight" in tensors:
        tokens = linear(tensors, "reduce", tokens)
    tokens = torch.cat([tensors["query_tokens"][0], tokens])
    where = torch.cat([tensors["query_positions"][0], positions(below(tensors, "positions."), centers)])
    for number in range(depth):
        tokens = block(below(tensors, f"transformer.blocks.{number}."), tokens + where, heads)
    return layer_norm(tensors, "norm", tokens)


def unsettle(network, seed=0):
    """Random parameters and running statistics, nowhere at their start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            elif tensor.is_floating_point():
                tensor.add_(0.15 * torch.randn(tensor.shape, generator=generator))
    return network.eval()
