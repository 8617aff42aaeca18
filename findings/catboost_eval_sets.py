"""CatBoost with two evaluation sets: the first one's tags get `:0`, the second one's do not, in runs of their own.

With one evaluation set the run `test` has the tag `Logloss`. With two, `test` has `Logloss:0`, and `test1` has
`Logloss`: the tag that held the validation of the earlier trainings now holds the other set's, in another run.

Seen with catboost 1.2.10, tensorboard 2.21.0 (to read):

    one set: {'learn': ['Logloss'], 'test': ['Logloss']}
    two sets: {'learn': ['Logloss'], 'test': ['Logloss:0'], 'test1': ['Logloss']}
"""

from _run import find, runs


def finding() -> None:
    """Train with one evaluation set, then with two."""
    import numpy
    from catboost import CatBoostClassifier

    x = numpy.random.default_rng(0).normal(size=(120, 4))
    y = x.sum(1) > 0
    sets = [(x[80:100], y[80:100]), (x[100:], y[100:])]
    for folder, eval_set in (("one", sets[:1]), ("two", sets)):
        CatBoostClassifier(iterations=3, train_dir=folder, verbose=False).fit(x[:80], y[:80], eval_set=eval_set)
    one, two = ({run: [*tags] for run, tags in runs(folder).items()} for folder in ("one", "two"))
    print(f"one set: {one}\ntwo sets: {two}")
    assert one == {"learn": ["Logloss"], "test": ["Logloss"]}
    assert two == {"learn": ["Logloss"], "test": ["Logloss:0"], "test1": ["Logloss"]}


find(["catboost==1.2.10", "tensorboard==2.21.0"], finding)
