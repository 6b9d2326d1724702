"""From the case sheet to usable cases and folds."""


checkpoint check_cases:
    input:
        sheet=STUDY.cases,
        files=[f for case in SHEET.cases for f in SHEET.files(case) if f.is_file()],
    output:
        cases=f"{RESULTS}/cohort/cases.tsv",
        exclusions=f"{RESULTS}/cohort/exclusions.tsv",
        clinical=f"{RESULTS}/cohort/clinical.tsv",
    log:
        f"{RESULTS}/logs/check_cases.log",
    threads: 2
    params:
        study=STUDY.check_settings,
        code=code_hash("io"),
    message:
        "Opening every image of the case sheet"
    script:
        "../workflow/scripts/check_cases.py"


checkpoint split_cohort:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
    output:
        splits=f"{RESULTS}/cohort/splits.tsv",
    log:
        f"{RESULTS}/logs/split_cohort.log",
    params:
        seed=STUDY.seed,
        settings=settings("splits"),
        outcome=STUDY.outcome and STUDY.outcome.model_dump(),
        code=code_hash("modelling.splits", "modelling.outcomes", "io.outcomes"),
    message:
        "Splitting the patients into folds"
    script:
        "../workflow/scripts/split_cohort.py"
