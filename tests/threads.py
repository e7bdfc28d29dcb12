"""Threads that run at once."""
import contextlib
import sys
import threading


def in_threads(*jobs):
    """Run all at once; their results in order, or the first error."""
    results, start = [None] * len(jobs), threading.Barrier(len(jobs))

    def run(i):
        start.wait()
        try:
            results[i] = jobs[i]()
        except BaseException as error:
            results[i] = error
    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads), 'a thread waits for ever'
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


@contextlib.contextmanager
def switching_often():
    """Threads take turns in the block after every few steps, so that they meet where they may."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
