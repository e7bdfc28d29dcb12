"""Evaluation: how well identification vectors tell people apart.

- `manifests`: which walks there are, and which of them are gallery and probes; `tum_gaid` finds them in that data set;
- `metrics`: ranks, ROC, equal error rate, bootstrap intervals;
- `results.evaluate` runs a protocol, `results.compare` puts several kinds of vectors into one table; `plots` draws;
- `strangers.named`: right names where few strangers get one, as galleries decide, cross-validated over people.

Everywhere: scores are similarities, higher is better; a yes is a score strictly above a threshold; ties count against
the system, a right name that shares its score with a wrong one is not first.
"""

