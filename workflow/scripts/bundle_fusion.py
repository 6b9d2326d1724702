"""Put a fusion, the models it joins and all that scoring a new case takes into one file."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.tables import read_table
    from radpipe.modelling.bundling import bundle_fusion
    from radpipe.modelling.scoring import Sources
    from radpipe.provenance import versions

    params = snakemake.params
    features = read_table(params.features) if params.features else None
    bundle_fusion(
        params.models,
        snakemake.output.bundle,
        {"study": params.study, "model": params.model, "versions": versions()},
        {name: (own["model"], Sources(**own["sources"])) for name, own in params.members.items()},
        (read_table(snakemake.input.clinical), features),
        params.parts,
    )
