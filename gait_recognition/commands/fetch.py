"""`gait-recognition fetch`: the published weights, fetched and verified."""
import contextlib

from gait_recognition import fetch
from gait_recognition.weights import load_tensorflow

fetch_arguments = fetch.add_arguments


def fetch_command(arguments):
    """Fetch and verify the published weights."""
    with contextlib.suppress(ImportError):                  # `fetch` says it better
        load_tensorflow()                                   # what is fetched is read to verify it
    return fetch.run(arguments)
