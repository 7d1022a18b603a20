"""The command line in this process, and what it says."""

import contextlib
import io
from types import SimpleNamespace

from img2imu_kit.cli.main import main


class Terminal(io.StringIO):
    """Where somebody looks."""

    def isatty(self):
        return True


def img2imu(*arguments, terminal=False):
    """Run the command in this process: its exit code and its text."""
    out, err, code = io.StringIO(), Terminal() if terminal else io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code or 0
    return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


def said_by(*arguments):
    """What a command says on standard error, in one line."""
    return " ".join(img2imu(*arguments).stderr.split())
