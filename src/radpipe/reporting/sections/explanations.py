"""What the models looked at."""

from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Section, literal
from radpipe.reporting.numbers import listing


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
                f"that does no better than chance explains nothing.{_left_out(context)}"
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


def _left_out(context: Context) -> str:
    """Models whose only feature gets all the credit, so that none is shared out."""
    drawn = {entry.subject for entry in context.entries if entry.kind == "shap"}
    names = [f"`{literal(name)}`" for name in context.inputs.explanations if name not in drawn]
    if not names:
        return ""
    return f" A model of at most one feature needs no such explanation: {listing(names)}."
