"""What `benchmarks/segmentation.py` runs: cohorts and folds, ours, the peers, the page.

Each part makes tasks; a task is one process of one thread and ends in a table of scores and one of
what it cost. A task that is finished is not run again.
"""
