"""Builds, starts, deploys, tells, waits, stops. `up` beside this file is how to run it."""

import json
import os
import platform
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache/cloud"
TOOLS = Path(os.environ["DCHAT_TOOLS"]) / "bin"
STACK, STAGE, ORIGIN = "dchat-dev", "dev", "http://localhost:5173"
REGION = "eu-central-2"  # in older ones version 1 of the AWS CLI sends `aws sqs` to AWS, whatever AWS_ENDPOINT_URL says
PATIENCE_SECONDS = 1800
HELP = "up [--once COMMAND …]: see the head of tests/peers/cloud/up"


class Failed(Exception):
    """What went wrong, for people."""


@contextmanager
def step(what: str) -> Iterator[None]:
    """Says what is being done, and afterwards how long it took."""
    print(f"{what} …", flush=True)
    began = time.monotonic()
    yield
    print(f"  {time.monotonic() - began:.1f} s", flush=True)


def run(name: str, command: list[str | Path], **env: str) -> str:
    """Runs a command, with a sign of life every minute; what it said goes to a file, and is shown when it fails."""
    log = CACHE / f"{name}.log"
    began = time.monotonic()
    with log.open("w") as file:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": subprocess.STDOUT, "start_new_session": True}
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, **quiet)
        try:
            while process.poll() is None:
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    seconds = time.monotonic() - began
                    if seconds > PATIENCE_SECONDS:
                        raise Failed(f"{name} takes too long; what it said is in {log}") from None
                    print(f"  {seconds:.0f} s so far. {last_line(log)}", flush=True)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)  # sam leaves cargo behind
    if process.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-40:])
        raise Failed(f"{tail}\n\n{name} failed. All of what it said is in {log.relative_to(ROOT)}")
    return log.read_text()


def last_line(log: Path) -> str:
    """The last line of a log that says something."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")[:90]


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def build() -> Path:
    """Builds the functions for this machine, where a build for AWS is not in the way; returns the built template."""
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())
    if platform.system() != "Linux" or machine is None:
        raise Failed("The emulator runs the functions as programs of this machine: it has to be Linux on x86_64 or arm64.")
    command = [TOOLS / "sam", "build", "--build-dir", CACHE / "build", "--parameter-overrides", f"Architecture={machine}"]
    run("build", command, PATH=f"{TOOLS}:{os.environ['PATH']}", SAM_CLI_TELEMETRY="0", AWS_DEFAULT_REGION=REGION)
    return CACHE / "build/template.yaml"


def keys() -> dict[str, str]:
    """Fresh keys and secrets, as the operator of a real stack makes them."""
    said = run("keys", ["cargo", "xtask", "keys"])
    (CACHE / "keys.log").unlink()
    lines = (line.partition("=") for line in said.splitlines() if "=" in line)
    return {name: shlex.split(value)[0] for name, _, value in lines}


@contextmanager
def emulator() -> Iterator[str]:
    """MiniStack, with IAM enforced and nothing of our environment; yields its address."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="dchat-cloud-") as home, (CACHE / "emulator.log").open("w") as log:
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": home, "TMPDIR": home, "STATE_DIR": home, "PYTHONDONTWRITEBYTECODE": "1",
            "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "AWS_ENDPOINT_URL": endpoint, "MINISTACK_REGION": REGION,
            "AUTH": "true", "IOT_MTLS_ENABLED": "0", "LAMBDA_WARM_TTL_SECONDS": "20",
        }  # fmt: skip
        command = [sys.executable, ROOT / "tests/peers/cloud/emulator"]
        process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until_healthy(process, endpoint)
            yield endpoint
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and functions that did not notice


def wait_until_healthy(process: subprocess.Popen[bytes], endpoint: str) -> None:
    """Waits until the emulator answers, half a minute at most."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise Failed(f"The emulator did not start:\n{(CACHE / 'emulator.log').read_text()[-3000:]}")


def deploy(template: Path, endpoint: str, provider: str) -> None:
    """Deploys with the settings of samconfig.toml; LinkedIn is at `provider`."""
    parameters = {
        "Stage": STAGE,
        "LogLevel": "INFO",
        "Architecture": "arm64" if platform.machine() == "aarch64" else "x86_64",
        "AppUrl": ORIGIN,
        "AllowedOrigins": ORIGIN,
        "LinkedInClientId": "dchat-test",
        "LinkedInClientSecret": "dchat-test-secret",
        "LinkedInIssuers": provider,
        "LinkedInAuthUrl": f"{provider}/oauth/v2/authorization",
        "LinkedInTokenUrl": f"{provider}/oauth/v2/accessToken",
        "LinkedInUserinfoUrl": f"{provider}/v2/userinfo",
        "LinkedInJwksUrl": f"{provider}/oauth/openid/jwks",
        **keys(),
    }
    command = [TOOLS / "sam", "deploy", "--config-file", ROOT / "samconfig.toml", "--config-env", STAGE, "--template-file", template]
    overrides = [f"{name}='{value}'" for name, value in parameters.items()]
    run("deploy", [*command, "--parameter-overrides", *overrides], **credentials(endpoint), SAM_CLI_TELEMETRY="0")


def credentials(endpoint: str) -> dict[str, str]:
    """The variables that point AWS's tools at the emulator, as its root."""
    root = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": ""}
    return {**root, "AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION, "AWS_PAGER": ""}


def describe(endpoint: str, provider: str) -> dict[str, Any]:
    """What tests need to know of the stack."""
    os.environ.update(credentials(endpoint))
    cloud = boto3.client("cloudformation")
    outputs = {o["OutputKey"]: o["OutputValue"] for o in cloud.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]}
    resources = cloud.describe_stack_resources(StackName=STACK)["StackResources"]

    def of(kind: str) -> dict[str, str]:
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources if r["ResourceType"] == kind}

    gateways = of("AWS::ApiGatewayV2::Api")
    here = f"{endpoint.removeprefix('http://')}/_aws/execute-api"
    return {
        "api": f"http://{here}/{gateways['HttpApi']}",
        "socket": f"ws://{here}/{gateways['SocketApi']}/{STAGE}",
        "endpoint": endpoint,
        "region": REGION,
        "origin": ORIGIN,
        "stack": STACK,
        "provider": provider,
        "outputs": outputs,
        "functions": of("AWS::Lambda::Function"),
        "tables": {name.removesuffix("Table").lower(): table for name, table in of("AWS::DynamoDB::Table").items()},
    }


def allow_without_tls(stack: dict[str, Any]) -> None:
    """The emulator speaks no TLS, so the one statement that demands it is taken away after the deployment."""
    boto3.client("s3").delete_bucket_policy(Bucket=stack["outputs"]["RecordingsBucket"])


def once(command: list[str], file: Path, endpoint: str) -> int:
    """Runs a command beside the stack; returns its status."""
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **credentials(endpoint), "DCHAT_STACK": str(file)}).returncode


def welcome(stack: dict[str, Any], file: Path) -> None:
    """Says where everything is, and waits to be interrupted."""
    print(f"""
Dchat is deployed, as template.yaml says, with IAM enforced.

  API      {stack['api']}
  socket   {stack['socket']}
  the rest {file.relative_to(ROOT)}
  log      {(CACHE / 'emulator.log').relative_to(ROOT)}

Try it:

  curl {stack['api']}/auth/register -H 'content-type: application/json' \\
    -d '{{"email": "ada@example.com", "password": "correct horse", "name": "Ada"}}'

AWS's own tools work too, with AWS_ENDPOINT_URL={stack['endpoint']} AWS_DEFAULT_REGION={REGION}
AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test.

Ctrl-C stops it; nothing is kept.""", flush=True)
    signal.pause()


def main(arguments: list[str]) -> int:
    """Everything, in order."""
    if arguments and (arguments[0] != "--once" or len(arguments) < 2):
        raise Failed(HELP)
    CACHE.mkdir(parents=True, exist_ok=True)
    with step("Building the functions (minutes, the first time)"):
        template = build()
    provider = f"http://127.0.0.1:{free_port()}"
    with emulator() as endpoint:
        with step("Deploying"):
            deploy(template, endpoint, provider)
        stack, file = describe(endpoint, provider), CACHE / "stack.json"
        allow_without_tls(stack)
        file.write_text(json.dumps(stack, indent=2))
        try:
            if arguments:
                return once(arguments[1:], file, endpoint)
            welcome(stack, file)
        finally:
            file.unlink()
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except Failed as failed:
        sys.exit(f"\n{failed}")
    except KeyboardInterrupt:
        sys.exit("\nStopped.")
