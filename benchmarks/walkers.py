"""Print how many walker pictures a second this machine makes, with one process and with two.

    python benchmarks/walkers.py [PICTURES]
"""

import multiprocessing
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from gait_recognition.walkers.pictures import picture


def make(seeds: range) -> int:
    """Draw the pictures of `seeds`; returns how many."""
    return sum(len(picture(seed).joints) == 16 for seed in seeds)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for processes in (1, 2):
        with multiprocessing.get_context('spawn').Pool(processes) as pool:
            pool.map(make, [range(4)] * processes)  # imports and tables are made before the clock starts
            start = time.perf_counter()
            share = count // processes
            pool.map(make, [range(part * share, (part + 1) * share) for part in range(processes)], chunksize=1)
            seconds = time.perf_counter() - start
        print(f'{processes} process(es): {share * processes / seconds:.0f} pictures of 299 x 299 a second '
              f'({1000 * seconds / share:.1f} ms a picture in each process)')


if __name__ == '__main__':
    main()
