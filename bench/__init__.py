"""How fast, against what, measured in one run.

`classic` is the baseline: the recipe that most loyalty articles give, written as
fast as such code can be. `harness` measures, compares, prints and keeps results;
`processes` lets several processes run the same work over the same stretch of time.
A benchmark is a name and a callable returning (operations, seconds, extras).
"""
