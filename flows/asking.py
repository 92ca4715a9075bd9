"""Questions to, and descriptions of, all documents of a source, into a file. Order and limits only."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import AfterValidator, Field

from llava_ocr.asking.described import DescribeOrder, write_descriptions
from llava_ocr.asking.documents import objects, prepare
from llava_ocr.asking.order import AskOrder
from llava_ocr.asking.table import write_answers
from llava_ocr.errors import ConfigError
from llava_ocr.files import FileFormat, format_of
from llava_ocr.logs import without_text
from llava_ocr.services import open_services
from llava_ocr.settings import load_settings


def _of_a_table(out: Path) -> Path:
    """Refuse a file whose ending is no table's, before anything is asked."""
    try:
        format_of(out, None, default=FileFormat.CSV)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return out


@flow(name="ask", flow_run_name="ask {order.source}", persist_result=False)
def ask(
    order: AskOrder,
    out: Annotated[Path, AfterValidator(_of_a_table), Field(description="The table: .csv, .jsonl, .parquet or .xlsx")],
    allow_empty: Annotated[bool, Field(description="A source without documents is no failure")] = False,
) -> State[str]:
    """Ask every document; one that was answered before, in the journal beside the table, is not asked again."""
    # Prefect keeps and shows all that an exception says, causes included.
    with without_text(), open_services(order.settings(load_settings())) as services:
        store, infos = objects(order, services)
        tally = write_answers(prepare(order, services), infos, store, services, out=out)
    counts = {state.value: count for state, count in tally.states.items()}
    told = f"{tally.num_documents:,} documents, {tally.num_known:,} known: {_counted(counts)}"
    create_markdown_artifact(_markdown("Answers", counts), key="ask-summary", description=str(out))
    is_empty = not tally.num_documents and not allow_empty
    return Failed(message=told) if tally.num_failed or is_empty else Completed(message=told)


@flow(name="describe", flow_run_name="describe {order.source}: {order.kind}", persist_result=False)
def describe(
    order: DescribeOrder,
    out: Annotated[Path, Field(description="A file of JSON lines")],
    allow_empty: Annotated[bool, Field(description="A source without documents is no failure")] = False,
) -> State[str]:
    """Describe every document."""
    with without_text(), open_services(order.settings(load_settings())) as services:
        reasons, num_documents = write_descriptions(order, services, out=out)
    counts = {"documents": num_documents, **reasons}
    create_markdown_artifact(_markdown("Descriptions", counts), key="describe-summary", description=str(out))
    told = f"{num_documents:,} documents; failed: {_counted(reasons) or 'none'}"
    is_empty = not num_documents and not allow_empty
    return Failed(message=told) if reasons or is_empty else Completed(message=told)


def _counted(counts: Counter[str] | dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _markdown(title: str, counts: Counter[str] | dict[str, int]) -> str:
    """Counts as an artifact; no text of any document is in it."""
    rows = [f"| {name} | {count} |" for name, count in counts.items()]
    return "\n".join([f"# {title}", "", "| what | count |", "|---|---:|", *rows])
