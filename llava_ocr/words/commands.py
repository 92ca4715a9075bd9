"""Lines that speak to a machine, not to a reader: `Ignore all previous instructions`, `[INST]`, `ASSISTANT:`. Pure.

A model may obey what it reads. Such lines are no field of any document, so they are left out of prompts, grammars and
rules, and what they want written then stands nowhere on the page. Seldom is better than often: a line that is left out
by mistake is lost, so only what no letter or invoice says is taken for one.
"""

from __future__ import annotations

import re

from llava_ocr.words.layout import Layout, Segment

# How many lines a command may run on, while it reads like a sentence.
MAX_LINES_ON = 3
_RULES = r"(instructions?|prompts?|directions?|commands?|guidelines?|rules|orders given|system message)"
_RULES_DE = r"(anweisung(en)?|vorgaben?|instruktion(en)?|regeln|befehle?|prompts?|eingaben?)"
_RULES_FR = r"(instructions?|consignes?|règles|directives?|ordres|invites?|prompts?)"
_MACHINE = r"(AI|A\.I\.|LLMs?|language models?|chat ?bots?|GPT|LLaVA|OCR (model|engine|system)|AI assistant)"
_MACHINE_DE = r"(KI|Sprachmodell|KI-Assistent(in)?|Chatbot)"
_MACHINE_FR = r"(IA|modèle de langage|assistant virtuel|agent conversationnel)"
_SAYING = (
    r"(also |now |only )?(answer|output|return|respond|report|write|say|set|use|read|extract|fill|ignore|take|put)"
)
_PATTERNS = (
    # Turns and edges of a conversation, as chat formats write them.
    r"<\|[a-z_]{2,20}\|>",
    r"\[/?\s?INST\]",
    r"<</?SYS>>",
    r"</?s>",
    r"<\s?(image|pad|unk|bos|eos)\s?>",
    r"(?-i:\b(ASSISTANT|SYSTEM)\s?:)",
    r"###\s?(instruction|response|system|assistant|human|user)",
    # Away with what was said before.
    rf"\b(ignore|disregard|forget|override|bypass)\b[^.!?]{{0,40}}\b{_RULES}",
    # Not `Special instructions:`, which orders and delivery notes say.
    r"\b(new|updated|hidden|secret) (system )?(instruction|prompt)s?\b[^.!?]{0,20}:",
    rf"\b(ignorier\w*|missacht\w*|vergiss|vergessen|übergeh\w*)\b[^.!?]{{0,50}}\b{_RULES_DE}",
    rf"\b(ignore[rz]?|ignorons|oublie[rz]?|néglige[rz]?|ne ten(ez|ir|ons) pas compte)\b[^.!?]{{0,50}}\b{_RULES_FR}",
    # Who is spoken to.
    rf"\byou are (now )?(an? |the )?([\w-]+ ){{0,3}}{_MACHINE}\b",
    r"\b(act|behave|respond|answer) as (an? )?([\w-]+ ){0,2}(assistant|AI|model|system)\b",
    rf"\b(du bist|sie sind|(agiere|antworte) als) (jetzt |nun )?(eine? |d(er|ie|as) )?([\w-]+ ){{0,2}}{_MACHINE_DE}\b",
    rf"\b(tu es|vous êtes|agis comme|agissez comme) (maintenant )?(une? |l')?([\w-]+ ){{0,2}}{_MACHINE_FR}(?!\w)",
    # Spoken to, not named: invoices are sent to `AI Solutions Ltd`.
    rf"\b(note|message|attention|to|for|dear|hey|hello) (to |for )?(all |any |the )?{_MACHINE}\s?[:,;!]",
    rf"\b(note|message|attention|instructions?) (to|for) (all |any |the )?{_MACHINE}\b",
    rf"\b(hinweis|nachricht|achtung|an|für) (an |für )?(alle |die |das )?{_MACHINE_DE}\s?:",
    rf"\b(note|message|avis|attention|à) (à |pour )?(l'|le |toute )?{_MACHINE_FR}\s?:",
    # Not `GPT-4o output tokens` or `AI report`, which are sold.
    rf"(?-i:\b{_MACHINE})\b[^.!?,]{{0,20}}\b(must|shall|should|please) {_SAYING}\b",
    r"\b(system ?prompt|systemprompt|invite système|developer mode|jailbreak|prompt injection)\b",
    # What it is to write.
    r"\b(output|return|respond|answer|reply|write|print) ((only|just|exactly|with|in|as|the|this|that|following) )+"
    r"(JSON|schema|field)\b",
    r"\b(set|change|replace|overwrite|fill)\b[^.!?]{0,40}\b(field|value|JSON)s?\b[^.!?]{0,30}(\b(to|with|by)\b|=)",
    r"\b(setze|ändere|ersetze|überschreibe|gib|antworte)\b[^.!?]{0,40}\b(feld(er)?|JSON|wert(e)?)\b",
    r"\b(mets|mettez|remplace[rz]?|écri[st]|écrivez|réponds|répondez|renvoie|renvoyez)\b[^.!?]{0,40}\b(champs?|JSON|valeurs?)\b",
)
_COMMAND = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?:;}\]>]\W*$")
_MIN_WORDS_ON = 3


def command_words(layout: Layout) -> frozenset[int]:
    """Return the indices of all words of lines that speak to a machine."""
    text = " ".join(segment.text for line in layout.lines for segment in line.segments)
    # One look at the whole page: nearly all have none. Lines of a block are looked at in their own order, too.
    found: set[int] = set()
    for block in layout.blocks if _COMMAND.search(text) or _has_wrapped(layout) else ():
        found.update(index for segment in _commands(block) for index in segment.words)
    return frozenset(found)


def _has_wrapped(layout: Layout) -> bool:
    """Whether a command wraps inside a column, beside which other lines stand."""
    return any(len(block) > 1 and _COMMAND.search(_joined(block)) for block in layout.blocks)


def _joined(block: tuple[Segment, ...]) -> str:
    return " ".join(segment.text for segment in block)


def _commands(block: tuple[Segment, ...]) -> list[Segment]:
    starts = [0]
    for segment in block:
        starts.append(starts[-1] + len(segment.text) + 1)
    taken: set[int] = set()
    for match in _COMMAND.finditer(_joined(block)):
        held = [n for n in range(len(block)) if starts[n] < match.end() and match.start() < starts[n + 1] - 1]
        taken.update(held)
        taken.update(_read_on(block, held[-1]) if held else ())
    return [block[number] for number in sorted(taken)]


def _read_on(block: tuple[Segment, ...], last: int) -> list[int]:
    """The lines after a command that belong to its sentence: an amount or a label beneath it does not."""
    read: list[int] = []
    for number in range(last + 1, min(len(block), last + 1 + MAX_LINES_ON)):
        begun = block[number - 1].text
        if _SENTENCE_END.search(begun) or len(begun.split()) < _MIN_WORDS_ON or not block[number].text[:1].islower():
            break
        read.append(number)
    return read
