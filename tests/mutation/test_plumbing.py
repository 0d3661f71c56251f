"""Deliberate one-line faults around the core: in the store, the outbox, the links, the configuration, the control socket.

A mutant is one changed line of one file. Each mutant names the test that has to notice it: "unit:NAME" for
tests/unit/test_NAME.c, or a pytest test. The changed file is compiled and linked before the unchanged libraries; pytest
tests get a build folder of symbolic links in which only emisd differs. If the original line no longer exists, the test
fails too.
"""

import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

import pytest

from tests.mutation import mutants_mqtt, mutants_plumbing, mutants_store
from tests.support.rig import ROOT, build_dir

MUTANTS = [*mutants_mqtt.MUTANTS, *mutants_plumbing.MUTANTS, *mutants_store.MUTANTS]
TIMEOUT = 100  # seconds; a test takes less than a minute, and a test that hangs counts as failed


def compile_changed(path, text, folder):
    """Compiles the changed text with the options of the build; returns the object file."""
    (command,) = [c["command"] for c in json.loads((build_dir() / "compile_commands.json").read_text())
                  if c["file"].endswith("../" + path)]
    source = folder / path.rpartition("/")[2]
    source.write_text(text)
    words = shlex.split(command)
    words[words.index("-o") + 1] = str(folder / "mutant.o")
    words[words.index("-c") + 1] = str(source)
    for option in ("-MD", "-MQ", "-MF"):
        at = words.index(option)
        del words[at:at + (1 if option == "-MD" else 2)]
    # The fault may leave a variable or function unused.
    subprocess.run([*words, "-Wno-error"], cwd=build_dir(), check=True, capture_output=True)
    return folder / "mutant.o"


def link(target, mutant, out):
    """Links the program of the build with the changed object before the libraries: the linker takes the first definition."""
    commands = subprocess.run(["ninja", "-t", "commands", target], cwd=build_dir(), check=True, capture_output=True,
                              text=True).stdout
    words = shlex.split(commands.strip().splitlines()[-1])
    at = words.index("-o")
    assert words[at + 1] == target
    words[at + 1:at + 2] = [str(out), str(mutant)]
    subprocess.run(words, cwd=build_dir(), check=True, capture_output=True)


def build_with(mutant, folder):
    """Makes a build folder of symbolic links, except for the programs that contain the changed object."""
    for sub in ("daemon", "cli", "tests"):
        (folder / sub).mkdir()
    for path in build_dir().glob("cli/*"):
        (folder / "cli" / path.name).symlink_to(path)
    for sub in build_dir().glob("tests/*"):
        (folder / "tests" / sub.name).symlink_to(sub)
    (folder / "tests/fault").unlink()
    (folder / "tests/fault").mkdir()
    for path in build_dir().glob("tests/fault/*"):
        if path.name == "publish_driver":
            link("tests/fault/publish_driver", mutant, folder / "tests/fault/publish_driver")
        else:
            (folder / "tests/fault" / path.name).symlink_to(path)
    link("daemon/emisd", mutant, folder / "daemon/emisd")
    return folder


def notices(test, mutant, folder):
    """True when the test fails with the changed object."""
    with tempfile.TemporaryDirectory(prefix="m") as short:  # the path of a socket has at most 107 bytes
        return fails(*command_for(test, mutant, folder, short), test)


def command_for(test, mutant, folder, short):
    """The command that runs the test with the changed object, and its environment."""
    if test.startswith("unit:"):
        name = "test_" + test.removeprefix("unit:")
        link(f"tests/unit/{name}", mutant, folder / name)
        return [folder / name], {}
    for sub in (pathlib.Path(short), pathlib.Path(short, "b")):
        sub.mkdir(exist_ok=True)
        sub.chmod(0o755)  # a test runs emisctl as another user
    return ([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--basetemp={short}/t", test],
            {"EMISD_BUILD": str(build_with(mutant, pathlib.Path(short, "b")))})


def fails(command, environment, test):
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    try:
        done = subprocess.run(command, cwd=ROOT, env={**inherited, **environment}, capture_output=True, timeout=TIMEOUT,
                              text=True, check=False)
    except subprocess.TimeoutExpired:
        return True
    print(done.stdout)
    assert test.startswith("unit:") or done.returncode in (0, 1), f"{test} did not run"
    return done.returncode != 0


@pytest.mark.parametrize("test", sorted({m[4] for m in MUTANTS}))
def test_the_named_test_passes_without_a_fault(tmp_path, test):
    path = next(m[0] for m in MUTANTS if m[4] == test)
    same = compile_changed(path, (ROOT / path).read_text(), tmp_path)
    assert not notices(test, same, tmp_path)


@pytest.mark.parametrize("path, line, instead, rule, test", MUTANTS, ids=[m[3] for m in MUTANTS])
def test_the_named_test_notices(tmp_path, path, line, instead, rule, test):
    text = (ROOT / path).read_text()
    assert text.count(line) == 1, f"{path} has no such line any more, or more than one: give the mutant its new one"
    mutant = compile_changed(path, text.replace(line, instead), tmp_path)
    assert notices(test, mutant, tmp_path), f"{test} does not notice that {rule}"
