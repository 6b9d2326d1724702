"""Predictors of the outcome: splits by patient, in-fold pipelines, tuning, bundles, controls.

Everything that learns (imputation, scaling, selection, tuning, threshold, recalibration) is fitted
on the rows it is given and on nothing else; `splits` and `crossfit` give it one training part at a
time. Tables come in as a `Blocks` (one row a case), predictions go out as tidy tables, and a
fitted model goes to disk without pickle.
"""
