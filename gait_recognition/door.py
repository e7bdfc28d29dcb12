"""How the project's programs begin and end, whatever happens to them: Ctrl-C at any moment, closed or full streams.

A script imports this and nothing else, and names the module whose `main` is its command: the heavy imports happen
inside. What a command says and what its exit status means is not known here.
"""
import os
import sys

PATIENCE = 2.0              # seconds after a Ctrl-C in which a further one is the same


def enter(module, program, when_interrupted=130):
    """Run a module's `main`, to the end of the process.

    Parameters
    ----------
    module : str
        Imported here.
    program : str
        What messages call it.
    when_interrupted : int
        The exit status after a Ctrl-C that the command did not take itself.

    Returns
    -------
    int
        For `sys.exit`.
    """
    interrupts = None
    try:
        interrupts = Interrupts()
        has_output = _open_closed_streams()
        _take_any_name(sys.stdout)
        _guard_streams()
        status = _run(module) if has_output else 2
        if not has_output:
            _say(program, 'standard output is closed: the answer would be lost (> /dev/null where none is wanted)')
        status = _flushed(program, status)
    except KeyboardInterrupt:
        _guard_streams()                                    # it may have come before
        _say(program, 'interrupted')
        status = _flushed_or_lost(program, when_interrupted)
    if interrupts is not None:
        interrupts.end(status)
    return status


def _run(module):
    import importlib
    try:
        return importlib.import_module(module).main()
    except SystemExit as error:                             # argparse: help and bad usage
        return 0 if error.code is None else error.code
    except KeyboardInterrupt:
        raise
    except Exception as error:
        if interrupted():
            raise KeyboardInterrupt from error
        raise


def interrupted():
    """Whether a Ctrl-C came: imports and libraries in C make errors of other classes of it."""
    return bool(Interrupts.count)


def _flushed(program, status):
    """The status, once what was printed is out; another one where it did not get out."""
    try:
        sys.stdout.flush()
        if sys.stdout.failed is not None and not status:    # argparse says nothing of it
            raise sys.stdout.failed
    except BrokenPipeError:                                 # whoever reads, as in "| head", has seen enough
        status = 128 + 13                                   # as a shell says it of SIGPIPE
    except OSError as error:
        if error is not sys.stdout.failed or not status:
            _say(program, f'{error.filename}: {error.strerror}')
        status = status or 2
    if sys.stdout.failed is not None:
        to_nowhere(sys.stdout)
    return status


def _flushed_or_lost(program, status):
    """`_flushed`, but for a further Ctrl-C where whoever reads does not: what was printed is lost."""
    try:
        return _flushed(program, status)
    except KeyboardInterrupt:
        to_nowhere(sys.stdout)
        return status


class Interrupts:
    """Ctrl-C is a KeyboardInterrupt, once: neither lost in a callback nor doubled while the first is dealt with.

    Not so where whoever started the process had it ignored.

    Attributes
    ----------
    count : int
        How many came in this process.
    """

    count = 0

    def __init__(self):
        import signal
        import time
        self._last, self._clock, self._signal = -PATIENCE, time.monotonic, signal
        self._is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._is_ours:
            sys.unraisablehook = self._again
            signal.signal(signal.SIGINT, self._take)

    def _take(self, number, frame):
        Interrupts.count += 1
        now, last = self._clock(), self._last
        self._last = now
        if now - last >= PATIENCE:
            raise KeyboardInterrupt

    def _again(self, unraisable):
        """An exception that a callback or a `__del__` cannot raise: an interrupt is raised once more, elsewhere."""
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            return sys.__unraisablehook__(unraisable)
        import threading
        self._last = -PATIENCE
        threading.Timer(0.01, self._interrupt_main).start()

    def _interrupt_main(self):
        """Ctrl-C for the main thread, out of a system call where it waits in one."""
        import _thread
        import threading
        if hasattr(self._signal, 'pthread_kill'):
            self._signal.pthread_kill(threading.main_thread().ident, self._signal.SIGINT)
        else:                                               # Windows
            _thread.interrupt_main()

    def end(self, status):
        """From here on a Ctrl-C ends the process at once, with this status."""
        if self._is_ours:
            self._signal.signal(self._signal.SIGINT, lambda *_: os._exit(status if isinstance(status, int) else 1))


def _open_closed_streams():
    """Put the null device where a standard stream is closed; returns whether standard output is open.

    Otherwise the next file that is opened, a gallery, would be what libraries in C take for standard error.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
    if sys.stderr is None:
        sys.stderr = open(2, 'w', encoding='utf-8', errors='backslashreplace', closefd=False)
    has_output = sys.stdout is not None
    if not has_output:
        sys.stdout = open(1, 'w', encoding='utf-8', closefd=False)
    return has_output


def _take_any_name(stream):
    """What a stream's encoding has no room for, such as bytes of a file's name that are no UTF-8, is printed as JSON
    escapes it, `\\udc80`, and is no error.
    """
    if hasattr(stream, 'reconfigure'):
        import codecs
        codecs.register_error('as JSON', _escaped)
        stream.reconfigure(errors='as JSON')


def _escaped(error):
    units = error.object[error.start:error.end].encode('utf-16-be', 'surrogatepass').hex()
    return ''.join(f'\\u{units[i:i + 4]}' for i in range(0, len(units), 4)), error.end


class _Stream:
    """A standard stream that knows what to do where it cannot be written to."""

    def __init__(self, stream):
        self._stream, self.failed = stream, None

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        try:
            return self._stream.write(text)
        except OSError as error:
            self._fail(error)
            return len(text)

    def flush(self):
        try:
            self._stream.flush()
        except OSError as error:
            self._fail(error)


class _Messages(_Stream):
    """Standard error that may be full or gone: messages are lost then, and the work goes on."""

    def _fail(self, error):
        to_nowhere(self._stream)


class _Answers(_Stream):
    """Standard output: an answer that cannot be written is an error that says so."""

    def _fail(self, error):
        self.failed = error
        if not isinstance(error, BrokenPipeError):
            self.failed = OSError(error.errno, f'{error.strerror}; the answer is not whole', 'standard output')
        raise self.failed from error


def _guard_streams():
    """Put an `_Answers` and a `_Messages` before the standard streams, once; before nothing where one is not open."""
    if not isinstance(sys.stdout, _Answers):
        sys.stdout = _Answers(sys.stdout or open(os.devnull, 'w', encoding='utf-8'))
    if not isinstance(sys.stderr, _Messages):
        sys.stderr = _Messages(sys.stderr or open(os.devnull, 'w', encoding='utf-8'))


def to_nowhere(stream):
    """What is written to a stream from here on, and what waits in it, is lost without an error."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def _say(program, line):
    print(f'{program}: {line}', file=sys.stderr, flush=True)
