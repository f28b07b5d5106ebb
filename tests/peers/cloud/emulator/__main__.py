"""MiniStack, corrected where it is not AWS and template.yaml meets the difference. Settings are MiniStack's own
environment variables: GATEWAY_PORT, BIND_HOST, AUTH, STATE_DIR, AWS_ENDPOINT_URL. Ends when its standard input does, so
that it never outlives whoever started it.

    python tests/peers/cloud/emulator
"""

import os
import signal
import sys
import threading

import functions
import gateway
import streams
from ministack.app import main


def _end_with_input() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


functions.correct()
gateway.correct()
streams.correct()
threading.Thread(target=_end_with_input, daemon=True).start()
main()
