"""Work done in advance by a thread of its own, while the caller computes."""
import queue
import threading

MOST_BYTES = 1 << 27            # of arrays that wait: five frames of 4K video, one of 64 million pixels


def _bytes_of(item):
    """Of an array, or of those in a tuple."""
    return sum(map(_bytes_of, item)) if isinstance(item, tuple) else getattr(item, 'nbytes', 0)


def ahead(items, depth):
    """Yields what `items` yields while a thread of its own prepares up to `depth` items in advance, fewer large ones.

    An error arises where its item would. Close it (`contextlib.closing`) to end the thread early.
    """
    ready, stopped = queue.Queue(depth), threading.Event()

    def hand_over(item, error=None):
        most = max(1, MOST_BYTES // max(1, _bytes_of(item)))
        while not stopped.is_set():
            if ready.qsize() >= most:
                stopped.wait(0.01)
                continue
            try:
                return ready.put((item, error), timeout=0.1)
            except queue.Full:
                continue

    def prepare():
        iterator = iter(items)
        try:
            for item in iterator:
                hand_over(item)
                if stopped.is_set():
                    break
            else:
                hand_over(None, StopIteration())
        except BaseException as error:                                  # handed on, whatever it is
            hand_over(None, error)
        finally:
            getattr(iterator, 'close', lambda: None)()

    thread = threading.Thread(target=prepare, daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item
    finally:
        stopped.set()
        thread.join()
