import json

import numpy as np
import pytest
import torch

from llava_ocr.errors import BadTrainingData
from llava_ocr.tiles.cut import cut_stock
from llava_ocr.train.conversations import Conversations, read_conversations
from llava_ocr.train.tiled_losses import answer_loss
from llava_ocr.train.turns import Turn, TurnEncoder
from tests.tiny.models import page, stock_processor
from tests.train.tuned import CONVERSATION, tiny_mistral, write_conversations


@pytest.fixture(scope="module")
def model():
    return tiny_mistral()


@pytest.fixture
def example(model, tmp_path):
    path = write_conversations(tmp_path)
    return Conversations(read_conversations(path), model, path=path, seed=0).example(0)


def test_only_the_assistant_s_turns_count(model, example):
    counted = model.tokenizer.decode(example.tokens[example.weights > 0].tolist())
    assert counted.replace("</s>", "|").replace(" ", "") == "Itis12.50EUR|Nodateisprinted|"


def test_turns_follow_each_other_in_the_model_s_format(model, example):
    said = [token for token in example.tokens.tolist() if token != model.network.config.image_token_id]
    text = model.tokenizer.decode(said).replace(" ", "").replace("\n", "")
    assert text == "[INST]Whatisthetotal?[/INST]Itis12.50EUR</s>[INST]Andthedate?[/INST]Nodateisprinted</s>"


def test_the_loss_is_that_of_stock_transformers(model):
    raster_HWC = page(60, 40)
    cut = cut_stock(raster_HWC, model.network.config.image_grid_pinpoints, tile_px=28, dpi=72)
    example = TurnEncoder(model).encode([Turn("<image>\nTotal?", "12.50"), Turn("Date?", "none")], (cut,))
    ours = answer_loss(model)(model.network, example, None)
    pixels = stock_processor(model.tokenizer).image_processor(raster_HWC, return_tensors="pt")
    labels = np.where(example.weights > 0, example.tokens, -100)
    stock = model.network(
        input_ids=torch.tensor(example.tokens)[None].long(), labels=torch.tensor(labels)[None].long(), **pixels
    )
    assert ours.total.item() == pytest.approx(stock.loss.item(), abs=1e-4)


def test_an_exact_answer_begins_without_a_space(model):
    turn = Turn("What?", '{"total":null}', lambda char: 1.0 if char >= 9 else 0.25, is_exact=True)
    example = TurnEncoder(model).encode([turn], ())
    counted = example.weights > 0
    pieces = model.tokenizer.convert_ids_to_tokens(example.tokens[counted].tolist())
    assert "".join(pieces) == '{"total":null}</s>'
    assert set(example.weights[counted].tolist()) == {0.25, 1.0}


FAULTS = {
    "no_image": {"image": "gone.png", "conversations": CONVERSATION},
    "order": {"conversations": CONVERSATION[1:3]},
    "odd": {"conversations": [{"from": "human", "value": "?"}]},
    "two_marks": {"image": "0.png", "conversations": [{"from": "human", "value": "<image><image>"}, CONVERSATION[1]]},
    "no_list": {"id": "3"},
    "empty": {"conversations": [{"from": "human", "value": "?"}, {"from": "gpt", "value": " "}]},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_item_is_named_by_its_line_and_never_quoted(tmp_path, fault):
    write_conversations(tmp_path)
    good = {"conversations": [{"from": "human", "value": "?"}, {"from": "gpt", "value": "!"}]}
    path = tmp_path / "bad.json"
    path.write_text(f"[\n{json.dumps(good)},\n\n{json.dumps(FAULTS[fault])}\n]")
    with pytest.raises(BadTrainingData, match=r"bad\.json, line 4: ") as caught:
        read_conversations(path)
    assert "total" not in str(caught.value)


def test_broken_json_is_named_by_its_line(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"conversations": [{"from": "human", "value": "?"}, {"from": "gpt", "value": "!"}]}\n{"conv')
    with pytest.raises(BadTrainingData, match="line 2"):
        read_conversations(path)
