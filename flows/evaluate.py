"""Evaluation: read documents whose truth is known, and fail where the engine reads worse than it must."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import BaseModel, ConfigDict, Field

from flows.endings import WITH_FAILURES
from llava_ocr.evaluation.base import EvaluationReport, Figures
from llava_ocr.evaluation.datasets import open_dataset
from llava_ocr.evaluation.evaluate import evaluate as run_evaluation
from llava_ocr.evaluation.reading import Bench
from llava_ocr.question import Question
from llava_ocr.services import Services, open_services, read_options
from llava_ocr.settings import load_settings


class EvaluationOrder(BaseModel):
    """What to read, and how well it must be read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: Annotated[str, Field(min_length=1, description="A truth.jsonl, its folder, or generated:SCHEMA?count=200")]
    schema_name: Annotated[str, Field(min_length=1, description="Document type")]
    engine: Annotated[str | None, Field(description="`small`, a folder or hub name, endpoint, rules")] = None
    is_scanned: Annotated[bool, Field(description="Turn pages into images first")] = False
    limit: Annotated[int | None, Field(ge=1, description="Only the first so many documents")] = None
    min_field_exact: Annotated[float, Field(ge=0, le=1, description="Fail below this share of exact fields")] = 0.0


@flow(name="evaluate", flow_run_name="evaluate {order.schema_name} on {order.dataset}", persist_result=False)
def evaluate(order: EvaluationOrder) -> State[str]:
    """Evaluate, keep the figures as an artifact, and fail where fewer fields are exact than the order asks for."""
    with open_services(load_settings(engine=order.engine)) as services:
        report = _evaluated(order, services)
    figures = report.model.figures
    create_markdown_artifact(in_markdown(report), key="evaluation-summary", description=order.dataset)
    told = f"{figures.num_documents} documents, {figures.num_failed} failed; exact fields: {_share(figures)}"
    is_good = (figures.field_exact or 0.0) >= order.min_field_exact
    if not is_good:
        return Failed(message=f"{told}, at least {order.min_field_exact:.3f} wanted")
    return Completed(name=WITH_FAILURES if figures.num_failed else "Completed", message=told)


def in_markdown(report: EvaluationReport) -> str:
    """The headline figures; no text of any document is in them."""
    readings = [("engine", report.model.figures)] + ([("rules", report.rules.figures)] if report.rules else [])
    rows = [f"| {name} | {_share(figures)} | {figures.num_failed} |" for name, figures in readings]
    return "\n".join([f"# {report.dataset}", "", "| read by | exact fields | failed |", "|---|---:|---:|", *rows])


def _evaluated(order: EvaluationOrder, services: Services) -> EvaluationReport:
    schema = services.catalog.get(order.schema_name)
    question = Question.about(schema, max_new_tokens=services.settings.max_new_tokens)
    options = read_options(services.settings, services.engine)
    bench = Bench(question, services.engine, services.reader, options, services.passwords)
    with open_dataset(order.dataset) as truth_file:
        return run_evaluation(
            order.dataset,
            truth_file,
            bench,
            is_scanned=order.is_scanned,
            limit=order.limit,
        )


def _share(figures: Figures) -> str:
    return "not measured" if figures.field_exact is None else f"{figures.field_exact:.3f}"
