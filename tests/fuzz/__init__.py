"""Generated inputs, most of them damaged: each must give the right answer or a refusal, never anything else.

    python -m tests.fuzz --minutes 30                   # all kinds, from the project's root
    python -m tests.fuzz --minutes 5 --kinds v2 npz
    python -m tests.fuzz --kinds v2 --seed 1234 --count 1       # one input again, with its traceback

A kind is a file of `kinds/`, found by being there. It holds a class `Kind` with

- `Kind(folder)`: made once in a process, with a folder of its own to write in;
- `try_one(random, number)`: makes one input from a `random.Random`, hands it to the project's own functions and returns
  `RIGHT` or `REFUSED`. Every error but the documented ones is to leave it: that, an `AssertionError` for a wrong
  answer, the death of the process and five minutes without an answer are faults.

`run.py` runs kinds in child processes, which may die. An input is known by its kind and its seed.
"""
RIGHT, REFUSED = 'right', 'refused'
