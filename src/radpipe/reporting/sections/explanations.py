"""What the models looked at."""

from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Section


def explanations(context: Context) -> Section | None:
    """SHAP over the cohort, LIME for single cases, occlusion maps for networks."""
    shap, lime = context.figures("shap"), context.figures("lime")
    maps = context.figures("occlusion")
    blocks: list[Block] = []
    if shap:
        blocks.append(
            Paragraph(
                "**SHAP** shares out each prediction over the features [@lundberg2017]. It tells "
                "what moves the model, not what causes the outcome; an explanation of a model "
                "that does no better than chance explains nothing."
            )
        )
        blocks += shap
    if lime:
        blocks.append(
            Paragraph(
                "**LIME** fits a simple model around single cases [@ribeiro2016]. It samples at "
                "random, so it was run with several seeds and its spread is shown."
            )
        )
        blocks += lime
    if maps:
        blocks.append(
            Paragraph(
                "**Occlusion** covers one part of the image after the other and notes how the "
                "predicted score changes [@zeiler2014]."
            )
        )
        blocks += maps
    return Section("explanations", "Explanations", tuple(blocks)) if blocks else None
