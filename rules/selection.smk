"""What the models select, and how far it depends on the fold."""


rule weigh_selection:
    input:
        selection=f"{TABLES}/selection.tsv",
        cards=expand(f"{RESULTS}/models/{{m}}/{FINAL}/card.json", m=TABULAR),
    output:
        table=f"{TABLES}/selection_stability.tsv",
    log:
        f"{RESULTS}/logs/weigh_selection.log",
    params:
        models=TABULAR,
        encoders=ENCODERS,
        folds=STUDY.splits.outer,
        confidence=STUDY.evaluation.confidence,
        code=code_hash("evaluation.selection_stability"),
    message:
        "Weighing how stable the selection of features is"
    script:
        "../workflow/scripts/weigh_selection.py"
