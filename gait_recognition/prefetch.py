"""Work done in advance by a thread of its own, while the caller computes."""
import concurrent.futures
import queue
import threading


def ahead(items, depth):
    """Yields what `items` yields while a thread of its own prepares up to `depth` items in advance."""
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


def prefetch(make, steps, ahead=3):
    """Yield `make(step)` for each step, made by a thread while the caller computes, at most `ahead` in advance.

    Close it (`contextlib.closing`) to end the thread early.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = []
        try:
            for step in steps:
                waiting.append(pool.submit(make, step))
                if len(waiting) > ahead:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()
