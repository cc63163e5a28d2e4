"""Runs pieces of code, one JSON line each, and answers with what they print last."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import traceback


def run(code: str, given: dict[str, object]) -> dict[str, object]:
    """Run one piece with names of its own; its last line of output is JSON."""
    output = io.StringIO()
    names = {"json": json, "sys": sys, "given": given, "__name__": "__main__"}
    try:
        with contextlib.redirect_stdout(output):
            exec(code, names)  # noqa: S102 - what this program is for
        return {"answer": json.loads(output.getvalue().splitlines()[-1])}
    except Exception:  # noqa: BLE001 - the test shows it
        return {"error": traceback.format_exc()}


if __name__ == "__main__":
    # Libraries that log to the output must not get between the answers.
    channel, sys.stdout = sys.stdout, sys.stderr
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(run(**json.loads(line))), file=channel, flush=True)
