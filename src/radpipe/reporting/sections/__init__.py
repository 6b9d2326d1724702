"""The chapters of a report: each a function that reads tables and says what they show.

A chapter is None when the study does not make what it would be about.
"""
