"""Pure statistics: overlap, discrimination, calibration, utility, comparison, survival, intervals.

Arrays and tidy tables go in, small results come out. Nothing here knows a model or a study, so that
anyone may use and check it: each statistic is tested against an independent implementation.
"""
