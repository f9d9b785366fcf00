"""``pointsra doctor``: what is there, what is missing and how to mend it, fit for pasting into a bug report.

Every look is taken behind its own guard: a broken package becomes a line of the report, never a traceback.
"""

from __future__ import annotations

import importlib
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from pointsra_cli import options
from pointsra_cli.console import Screen, show

OK, MISSING, BROKEN = "ok", "missing", "broken"
_NEEDED = ("numpy", "scipy", "h5py", "PIL", "pydantic", "safetensors", "trimesh", "rich", "typer", "tomli_w")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        subject: what was looked at.
        state: ``ok``, ``missing`` (an option that is not there) or ``broken`` (something that is needed).
        detail: what was found.
        mend: what to do; empty where nothing is to be done.
    """

    subject: str
    state: str
    detail: str
    mend: str = ""


def doctor(
    data: options.DataRoot = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> None:
    """Report versions, devices, data and weights, and how to mend what is missing.

    Exit code 1 when something that is needed is broken; what is merely optional and missing is no failure.
    """
    findings = list(_findings(data))
    broken = [finding for finding in findings if finding.state == BROKEN]
    screen = Screen(as_json, quiet, verbose)
    payload = {"healthy": not broken, "findings": [asdict(finding) for finding in findings]}
    screen.result(payload, "broken" if broken else "ok", lambda: _show(findings))
    if broken:
        raise typer.Exit(1)


def _findings(data: Path | None) -> Iterator[Finding]:
    looks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("pointsra", _programs),
        ("packages", _packages),
        ("devices", _devices),
        ("data", lambda: _data(data)),
        ("weights", _weights),
        ("extras", _extras),
    )
    for subject, look in looks:
        try:
            yield from look()
        except Exception as error:  # a doctor must not fall ill: the line says what happened
            yield Finding(subject, BROKEN, _brief(error), "pip install --force-reinstall pointsra")


def _programs() -> Iterator[Finding]:
    from importlib.metadata import version

    yield Finding("pointsra", OK, version("pointsra"))
    yield Finding("Python", OK, f"{platform.python_version()} ({sys.executable})")
    yield Finding("system", OK, f"{platform.system()} {platform.release()}, {platform.machine()}")


def _packages() -> Iterator[Finding]:
    from importlib.metadata import version

    found, wrong = [], []
    for name in _NEEDED:
        distribution = {"PIL": "pillow", "tomli_w": "tomli-w"}.get(name, name)
        try:
            importlib.import_module(name)
            found.append(f"{distribution} {version(distribution)}")
        except Exception as error:  # a package may fail at import in any way
            wrong.append(Finding(distribution, BROKEN, _brief(error), f"pip install {distribution}"))
    yield Finding("packages", OK, ", ".join(found))
    yield from wrong


def _devices() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:  # a broken install raises OSError, ImportError and more
        yield Finding("torch", BROKEN, _brief(error), "pip install torch")
        return
    yield Finding("torch", OK, torch.__version__)
    yield Finding("CPU", OK, f"threads used: {torch.get_num_threads()}")
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(number)
            yield Finding(f"cuda:{number}", OK, f"{card.name}, {card.total_memory / 2**30:.0f} GiB")
    elif torch.version.cuda is None:
        yield Finding("CUDA", MISSING, "this torch is built without it", "install torch by the line of pytorch.org")
    else:
        yield Finding("CUDA", MISSING, f"torch has {torch.version.cuda}, no card is seen", "check `nvidia-smi`")


def _data(data: Path | None) -> Iterator[Finding]:
    from pointsra.data.places import data_root, preparing_advice, read_manifest

    root = data_root(data)
    folders = sorted(path.parent for path in root.glob("*/manifest.json")) if root.is_dir() else []
    if not folders:
        yield Finding("data", MISSING, f"nothing prepared under {root}", preparing_advice(root, "shapes"))
    for folder in folders:
        again = preparing_advice(root, folder.name, again=True)
        try:
            listed = read_manifest(folder).get("splits", {})
            splits = ", ".join(f"{name} {split['count']}" for name, split in listed.items())
            lost = [split["file"] for split in listed.values() if not (folder / split["file"]).is_file()]
        except Exception as error:  # a damaged manifest is a finding
            yield Finding(folder.name, MISSING, _brief(error), again)
            continue
        if not listed:
            yield Finding(folder.name, MISSING, f"{folder}: its manifest lists no splits", again)
        elif lost:
            yield Finding(folder.name, MISSING, f"{folder}: {', '.join(lost)} gone", again)
        else:
            yield Finding(folder.name, OK, f"{folder}: {splits}")


def _weights() -> Iterator[Finding]:
    from importlib import resources

    folder = resources.files("pointsra").joinpath("weights")
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    found = [name for name in names if name.endswith(".safetensors")]
    if found:
        yield Finding("weights", OK, f"with the package: {', '.join(found)}")
    else:
        yield Finding("weights", MISSING, "none with the package", "train: pointsra pretrain --preset quickstart")


def _extras() -> Iterator[Finding]:
    from importlib.metadata import version
    from importlib.util import find_spec

    extras = (
        ("scikit-learn", "sklearn", "svm", "evaluate --protocol svm"),
        ("laspy", "laspy", "las", "las and laz files"),
        ("lazrs", "lazrs", "las", "laz files"),
        ("transformers", "transformers", "clip", "prepare-data --image-encoder clip:…"),
    )
    for distribution, module, extra, use in extras:
        if find_spec(module) is not None:
            yield Finding(distribution, OK, f"{version(distribution)}, for {use}")
        else:
            yield Finding(distribution, MISSING, f"optional, for {use}", f"pip install 'pointsra[{extra}]'")
    if find_spec("open3d") is None:
        yield Finding("open3d", MISSING, "optional, for --view", "pip install 'pointsra[open3d]'")
        return
    installed = [name for name in ("open3d-cpu", "open3d") if _is_installed(name)]
    detail = f"{installed[0]} {version(installed[0])}" if installed else "installed"
    yield Finding("open3d", OK, f"{detail}, for --view")


def _is_installed(distribution: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False


def _brief(error: Exception) -> str:
    """An error in one short line."""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"[:160].rstrip(": ")


def _show(findings: list[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    colors = {OK: "green", MISSING: "yellow", BROKEN: "bold red"}
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for finding in findings:
        detail = finding.detail + (f"\n→ {finding.mend}" if finding.mend else "")
        made.add_row(Text(finding.state, style=colors[finding.state]), finding.subject, detail)
    show(made)
