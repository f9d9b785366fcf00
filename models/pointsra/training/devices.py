"""Which device the work runs on."""

from __future__ import annotations

import torch

from pointsra.errors import DeviceError


def resolve_device(name: str = "auto") -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` into a device.

    Raises:
        DeviceError: the name is not one of these, or there is no such CUDA device.
    """
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda" if there else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    kind, _, number = name.partition(":")
    if kind != "cuda" or (number and not number.isdecimal()) or name.endswith(":"):
        raise DeviceError(f"--device {name} is not known: write auto, cpu, cuda or cuda:N.")
    if int(number or 0) >= there:
        found = f"{there} CUDA device(s)" if there else "no CUDA device"
        raise DeviceError(f"--device {name} was asked for and this machine has {found}: use --device auto or cpu.")
    return torch.device(name)


def check_devices(name: str, wanted: int) -> None:
    """Find out before any process is started that there are not ``wanted`` devices.

    Raises:
        DeviceError: there are fewer CUDA devices, or a single one was named. On the CPU any number goes.
    """
    if name == "cpu":
        return
    if name not in ("auto", "cuda"):
        resolve_device(name)
        if wanted > 1:
            raise DeviceError(f"--device {name} names one device and --devices asks for {wanted}: write --device cuda.")
        return
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted > there:
        found = f"{there} CUDA device(s)" if there else "no CUDA device"
        raise DeviceError(
            f"--devices {wanted} was asked for and this machine has {found}: ask for as many as there are, or add "
            "--device cpu."
        )


def precision_note(precision: str, device: torch.device) -> str:
    """A sentence for the user where ``runtime.precision`` is one that this CPU only emulates; else "".

    bfloat16 without AVX-512 takes 30 times as long as single precision (one product of 512 × 512 matrices: 200 against
    7 ms of an AMD EPYC of the third generation).
    """
    kind = torch.backends.cpu.get_cpu_capability()
    if precision != "bf16" or device.type != "cpu" or kind not in ("NO AVX", "AVX", "AVX2"):
        return ""
    return f"this CPU ({kind}) has no bfloat16: a step can take minutes; stop, and set runtime.precision=fp32."
