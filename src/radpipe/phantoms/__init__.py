"""The demo cohort: real anatomy with simulated lesions, scanners and outcomes, all of known truth.

`make_cohort` writes a cohort as NIfTI files and a case sheet, with everything that is true of it
under `truth/`; `score_truth` compares what a study found with that truth. The anatomy is the
MNI152 template that comes with nilearn; everything else is drawn from one seed, patient by
patient, so that a case does not change with the number of cases.
"""
