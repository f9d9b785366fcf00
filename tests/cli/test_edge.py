"""The edge of the program: exit codes, one-sentence errors, help that is quick, streams that stay apart."""

import errno
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pointsra_cli
from pointsra.errors import DataError, WorkFailedError
from pointsra.reconstruction.request import TEMPERATURE
from pointsra_cli import failures

COMMANDS = ("prepare-data", "pretrain", "finetune", "evaluate", "reconstruct", "visualize", "presets", "doctor")
SOURCE = Path(pointsra_cli.__file__).parent.parent


def process(code: str, **options) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(SOURCE), str(SOURCE / "models"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, **options
    )


def test_help_of_every_command_loads_nothing_heavy():
    code = f"""
import contextlib, io, sys
import pointsra_cli
for words in [[], *([name] for name in {COMMANDS!r}), ["presets", "show"]]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert pointsra_cli.run([*words, "--help"]) == 0, words
    assert "Usage: pointsra" in out.getvalue(), words
heavy = {{"torch", "open3d", "numpy", "trimesh", "scipy", "h5py", "sklearn"}} & set(sys.modules)
print(sorted(heavy))
"""
    done = process(code)
    assert done.stderr == ""
    assert done.stdout.strip() == "[]"


def test_help_loads_little():
    loaded = process(
        "import sys, pointsra_cli; pointsra_cli.run(['--help']); print(*sorted(sys.modules), file=sys.stderr)"
    ).stderr.split()
    assert not {"torch", "numpy", "pydantic", "scipy", "pointsra", "rich"} & set(loaded)
    assert [name for name in loaded if name.startswith("pointsra_cli.")] == [
        "pointsra_cli.app",
        "pointsra_cli.failures",
    ]


def test_the_help_page_says_what_each_command_says_first():
    from pointsra_cli.app import COMMANDS

    for name, sentence in COMMANDS.items():
        module = importlib.import_module(f"pointsra_cli.{name.replace('-', '_')}")
        app = getattr(module, "app", None)
        told = app.info.help if app else inspect.getdoc(getattr(module, name.replace("-", "_"))).split("\n\n")[0]
        assert " ".join(told.split()) == sentence


def test_completing_a_plain_file_loads_no_library_that_it_can_do_without(tmp_path):
    chair = Path(__file__).parents[2] / "docs" / "chair.ply"
    line = ["reconstruct", str(chair), "--samples", "2", "-q", "--out", str(tmp_path / "out")]
    loaded = process(f"import sys, pointsra_cli; pointsra_cli.run({line}); print(*sys.modules, file=sys.stderr)")
    assert (tmp_path / "out" / "samples.png").is_file()
    slow = {"scipy.spatial", "scipy.ndimage", "trimesh", "h5py", "rich", "open3d", "pointsra.settings", "torch._dynamo"}
    assert not slow & set(loaded.stderr.split())


def test_help_names_the_commands_and_fits_the_terminal(run):
    outcome = run("--help")
    assert outcome.code == 0
    for command in COMMANDS:
        assert command in outcome.stdout
        pages = run(command, "--help").stdout
        assert max(len(line) for line in pages.splitlines()) <= 80
        assert "--json" in pages and "--debug" in pages


@pytest.mark.parametrize("command", COMMANDS[:6])
def test_every_working_command_takes_the_shared_options(run, command):
    page = run(command, "--help").stdout
    for option in ("--seed", "--device", "--out", "--dry-run", "--json", "--quiet", "-q", "--verbose", "-v", "--debug"):
        assert option in page, option


def test_the_help_of_reconstruct_tells_the_usual_temperature(run):
    page = run("reconstruct", "--help").stdout
    assert f"({TEMPERATURE:g})" in page[page.index("--temperature") : page.index("--format")]


def test_version(run):
    outcome = run("--version")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("pointsra ")


def test_the_module_is_the_same_program():
    done = process(
        "import runpy, sys; sys.argv = ['x', '--version']; runpy.run_module('pointsra_cli', run_name='__main__')"
    )
    assert done.returncode == 0
    assert done.stdout.startswith("pointsra ")


def test_bare_command_shows_help_and_is_a_wrong_request(run):
    outcome = run()
    assert outcome.code == 2
    assert "Usage" in outcome.stdout + outcome.stderr
    assert "error" not in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pretrian"], ["pretrian", "pretrain"]),
        (["pretrain", "--presett", "x"], ["--presett", "--preset"]),
        (["reconstruct"], ["INPUT"]),
        (["reconstruct", "a.ply", "--samples", "0"], ["--samples", "1"]),
        (["reconstruct", "a.ply", "--samples", "many"], ["--samples"]),
        (["reconstruct", "a.ply", "--hide", "blok"], ["--hide", "blok", "did you mean block"]),
        (["reconstruct", "a.ply", "--format", "pyl"], ["--format", "did you mean ply"]),
        (["finetune", "--protocol", "linaer"], ["--protocol", "did you mean linear"]),
        (["visualize", "a.ply", "--what", "mask"], ["--what", "did you mean masks"]),
    ],
)
def test_a_wrong_command_line_is_one_message_and_exit_2(run, arguments, words):
    outcome = run(*arguments)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("error: ")
    assert outcome.stderr.count("\n") == 1
    for word in words:
        assert word in outcome.stderr


def test_debug_shows_the_traceback_and_nothing_else_does(run):
    plain = run("pretrain", "--preset", "nothing")
    assert plain.code == 2
    assert "Traceback" not in plain.stderr
    told = run("pretrain", "--preset", "nothing", "--debug")
    assert told.code == 2
    assert "Traceback" in told.stderr
    assert told.stderr.splitlines()[-1] == plain.stderr.strip()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (DataError("The file is damaged."), 2, "The file is damaged."),
        (WorkFailedError("The loss was not finite."), 1, "The loss was not finite."),
        (KeyboardInterrupt(), 130, "Interrupted."),
        (OSError(errno.ENOSPC, "No space left on device", "runs/a"), 1, "runs/a: the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "runs/a"), 2, "runs/a: no permission"),
        (MemoryError(), 1, "Memory ran out"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 1, "Memory ran out"),
        (ModuleNotFoundError("No module named 'h5py'", name="h5py"), 1, "h5py is not installed"),
        (ValueError("shapes differ\nmore"), 1, "ValueError: shapes differ)"),
    ],
)
def test_what_each_exception_becomes(error, code, words):
    message, found = failures.describe(error)
    assert found == code
    assert words in message
    assert "\n" not in message


def test_an_unexpected_error_says_how_to_see_the_traceback(run, monkeypatch):
    def broken(*_):
        raise ValueError("surprise")

    monkeypatch.setattr("pointsra.settings.list_presets", broken)
    outcome = run("presets", "--json")
    assert (outcome.code, outcome.stdout) == (1, "")
    assert "surprise" in outcome.stderr and "--debug" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_an_interrupt_is_exit_130(run, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pointsra.settings.list_presets", interrupted)
    outcome = run("presets")
    assert (outcome.code, outcome.stderr) == (130, "Interrupted.\n")


def test_a_reader_that_has_seen_enough_is_no_error():
    done = process(
        """
import subprocess, sys
reader = subprocess.Popen([sys.executable, "-c", "pass"], stdin=subprocess.PIPE)
writer = "import time; time.sleep(0.5); import pointsra_cli; pointsra_cli.main()"
words = [sys.executable, "-c", writer, "presets", "show", "paper"]
made = subprocess.run(words, stdout=reader.stdin, stderr=subprocess.PIPE)
print(made.returncode, made.stderr)
"""
    )
    assert done.stdout.strip() == "0 b''"


def test_a_terminal_without_the_letters_still_gets_the_result():
    code = "import sys; sys.argv = ['x', 'presets']; import pointsra_cli; pointsra_cli.main()"
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": f"{SOURCE}{os.pathsep}{SOURCE / 'models'}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=env)
    assert done.returncode == 0
    assert b"quickstart" in done.stdout


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("nosuchthing", "No such command 'nosuchthing'. `pointsra --help`"),
        ("example", "No such command 'example'; did you mean evaluate? `pointsra --help`"),
    ],
)
def test_a_command_that_is_not_there_is_said_in_one_plain_sentence(run, word, said):
    outcome = run(word)
    assert outcome.code == 2 and said in outcome.stderr
