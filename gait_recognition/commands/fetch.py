"""`gait-recognition fetch`: the published weights, fetched and verified."""
import contextlib

from gait_recognition import fetch
from gait_recognition.commands.options import add_output
from gait_recognition.console import check_folder
from gait_recognition.weights import load_tensorflow


def fetch_arguments(parser):
    fetch.add_arguments(parser)
    add_output(parser)


def fetch_command(arguments):
    """Fetch and verify the published weights."""
    if arguments.to:
        check_folder('--to', arguments.to)
    with contextlib.suppress(ImportError):                  # `fetch` says it better
        load_tensorflow(arguments.verbose)                                   # what is fetched is read to verify it
    return fetch.run(arguments)
