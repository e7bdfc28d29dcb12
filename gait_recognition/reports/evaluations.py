"""What a report shows of an evaluation: the tables, the curves, and every wrong probe by its path."""
from gait_recognition.reports.charts import evaluation_charts

MOST = 1000                     # wrong probes that are listed


def figures_of(comparison, by_word, outcomes):
    """What is shown of a `Comparison`.

    Parameters
    ----------
    comparison : evaluation.results.Comparison
        Of its first result are the wrong probes and what follows them.
    by_word : dict of str to dict
        Rank-1 and number of probes by the word of `check`.
    outcomes : iterable of (str, vectors.Outcome)
        Of every walk by its path.

    Returns
    -------
    dict
    """
    result = comparison.results[0]
    wrong = [probe for probe in result.each_probe() if probe['rank'] != 1]
    outcomes = [*outcomes]
    return {
        'notes': comparison.notes(), 'tables': comparison.tables(), 'charts': evaluation_charts(comparison.results),
        'by_word': by_word, 'probes': len(result.probes) + len(result.missed), 'wrong': wrong[:MOST],
        'more_wrong': max(0, len(wrong) - MOST), 'mistakes': result.as_dict()['mistakes'],
        'problems': [(path, outcome.problem) for path, outcome in outcomes if outcome.problem],
        'remarks': [(path, remark) for path, outcome in outcomes for remark in outcome.remarks]}
