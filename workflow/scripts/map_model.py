"""Map what the final fit of one network looks at."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.explanation.models import occlusion_maps, typical_cases
    from radpipe.io.tables import read_table, write_arrays
    from radpipe.modelling.bundles import read_model
    from radpipe.modelling.scoring import Sources

    params = snakemake.params
    fitted = read_model(Path(snakemake.input.model[0]).parent)
    shown = typical_cases(
        read_table(snakemake.input.predictions), snakemake.wildcards.model, params.shown
    )
    crops = Sources(**params.sources).crops(shown, tuple(fitted.card["crop"]))
    write_arrays(occlusion_maps(fitted, crops, shown), snakemake.output.maps)
