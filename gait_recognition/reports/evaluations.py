"""What a report shows of an evaluation: the tables, the curves, and every wrong probe by its path."""
from gait_recognition.evaluation.results import NOT_TRIED, compare
from gait_recognition.reports.charts import evaluation_charts

MOST = 1000                     # wrong probes that are listed


def figures_of(result, by_word, outcomes):
    """What is shown of a `Result`.

    Parameters
    ----------
    result : evaluation.results.Result
    by_word : dict of str to dict
        Rank-1 and number of probes by the word of `check`.
    outcomes : iterable of (str, vectors.Outcome)
        Of every walk by its path.

    Returns
    -------
    dict
    """
    comparison = compare([result])
    wrong = [probe for probe in result.each_probe() if probe['rank'] != 1]
    outcomes = [*outcomes]
    return {
        'notes': comparison.notes(), 'tables': comparison.tables(), 'charts': evaluation_charts([result]),
        'by_word': by_word, 'probes': len(result.probes) + len(result.missed), 'wrong': wrong[:MOST],
        'more_wrong': max(0, len(wrong) - MOST), 'not_tried': NOT_TRIED, 'mistakes': result.as_dict()['mistakes'],
        'problems': [(path, outcome.problem) for path, outcome in outcomes if outcome.problem],
        'remarks': [(path, remark) for path, outcome in outcomes for remark in outcome.remarks]}
