"""Work done in advance by a thread of its own, while the caller computes."""
import queue
import threading


def ahead(items, depth):
    """Yields what `items` yields while a thread of its own prepares up to `depth` items in advance.

    An error arises where its item would. Close it (`contextlib.closing`) to end the thread early.
    """
    ready, stopped = queue.Queue(depth), threading.Event()

    def hand_over(item, error=None):
        while not stopped.is_set():
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
