"""The papers of handcrafted features and their stability: key, text and DOI."""

FEATURES: dict[str, tuple[str, str]] = {
    "koo2016": (
        "Koo TK, Li MY. A guideline of selecting and reporting intraclass correlation "
        "coefficients for reliability research. J Chiropr Med 2016;15:155–163.",
        "10.1016/j.jcm.2016.02.012",
    ),
    "shrout1979": (
        "Shrout PE, Fleiss JL. Intraclass correlations: uses in assessing rater reliability. "
        "Psychol Bull 1979;86:420–428.",
        "10.1037/0033-2909.86.2.420",
    ),
    "zwanenburg2019": (
        "Zwanenburg A, Leger S, Agolli L, et al. Assessing robustness of radiomic features by "
        "image perturbation. Sci Rep 2019;9:614.",
        "10.1038/s41598-018-36938-4",
    ),
}
