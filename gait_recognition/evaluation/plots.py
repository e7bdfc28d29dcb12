"""Charts of results: ROC, CMC, confusion."""
from gait_files import replacing


def draw_confusion(figure, result):
    axes = figure.subplots()
    counts = result.confusion()
    people = len(result.people)
    image = axes.imshow(counts, cmap='Blues', interpolation='nearest')
    figure.colorbar(image, ax=axes, label='probes', shrink=0.8)
    axes.set(title=f'{result.name}: who was taken for whom', xlabel='first place', ylabel='person')
    if people <= 30:                                       # more names would be unreadable
        axes.set_xticks(range(people), result.people, rotation=90, fontsize=7)
        axes.set_yticks(range(people), result.people, fontsize=7)


def write_figure(path, draw, size):
    """Draw without pyplot, so that the caller's backend stays as it is; the file appears when it is whole."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=size, layout='constrained')
    FigureCanvasAgg(figure)
    draw(figure)
    with replacing(path) as file:
        figure.savefig(file, format='png', dpi=120)
    return path
