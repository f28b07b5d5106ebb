"""Functions: what they are started with, and how soon they answer."""

import os
import re
import socketserver

from edit import edit
from ministack.core import lambda_runtime
from ministack.services import lambda_svc

_GATEWAY = re.compile(r"^(http|ws)s://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?=/|$)")


def _reachable(value: str) -> str:
    here = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
    return _GATEWAY.sub(rf"\1://{here}/_aws/execute-api/\2", value)


def correct() -> None:
    """Corrects MiniStack's way to start functions."""
    # AWS: the gateways' names resolve. MiniStack: they would lead to AWS. The configuration keeps what the template says.
    own = lambda_svc._runtime_env_vars
    lambda_svc._runtime_env_vars = lambda config: {name: _reachable(str(value)) for name, value in own(config).items()}

    # AWS: a function sees its own variables and Lambda's. MiniStack: also all of MiniStack's.
    clean = '{"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "en_US.UTF-8", "TZ": ":UTC"}'
    edit(lambda_svc, "_provided_worker_env", {"dict(os.environ)": clean})

    # Two small writes make one answer of the Runtime API: with Nagle's algorithm each invocation takes 40 ms longer.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    # MiniStack waits up to 50 ms for a line of log that a silent invocation never writes.
    drain = lambda_runtime.Worker._drain_stderr_bounded
    lambda_runtime.Worker._drain_stderr_bounded = lambda worker, **_: drain(worker, first_line_wait=0.002, idle_confirm=0.002)
