"""Which address is whose: by the label above it, else the sender's stands higher and comes again. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llava_ocr.geometry import Box
from llava_ocr.grounding.candidates import spans
from llava_ocr.prompts import fold
from llava_ocr.rulebook.addresses import LEGAL_FORM, Address, find_addresses
from llava_ocr.rulebook.fields import gap_below, is_beside, near
from llava_ocr.rulebook.heads import Head, find_heads, sections
from llava_ocr.rulebook.page import RulePage, Value
from llava_ocr.rulebook.roles import Role, is_recipient, role_of
from llava_ocr.rulebook.vat import is_vat_leaf, read_vat_ids
from llava_ocr.schema import GroupNode, LeafNode

# Below this the page's foot begins, where no recipient is.
FOOT = 0.6
# How far below the label of a party its address may begin, in word heights.
REACH = 3.0


def party_groups(root: GroupNode) -> list[GroupNode]:
    """The schema's groups that are a company or person: they have a name and a part of an address."""
    groups = [child for child in root.children if isinstance(child, GroupNode)]
    return [group for group in groups if Role.NAME in (roles := _roles(group)) and len(roles) > 1]


def read_parties(page: RulePage, groups: Sequence[GroupNode]) -> dict[str, Value]:
    """Return the parties' names, addresses and VAT ids by path."""
    heads = find_heads(page, groups)
    parts_of = {group.path: tuple(sections(page, heads, group.path)) for group in groups}
    head_words = frozenset(index for head in heads for index in head.words)
    addresses = find_addresses(page, head_words)
    owned = _owned(page, groups, addresses, heads=heads)
    found: dict[str, Value] = {}
    for group in groups:
        address = owned.get(group.path)
        if address is not None:
            found |= _parts(page, group, address)
        found |= _labelled_leaves(page, group, parts_of[group.path], head_words=head_words)
    for group in groups:
        name = _roles(group).get(Role.NAME)
        if name is not None and name.path not in found and not is_recipient(group):
            taken = [address.box for path, address in owned.items() if path != group.path]
            if value := _sender_name(page, taken):
                found[name.path] = value
    return found | read_vat_ids(page, groups, owned, sections=parts_of)


def _roles(group: GroupNode) -> dict[Role, LeafNode]:
    leaves = [child for child in group.children if isinstance(child, LeafNode)]
    return {role: leaf for leaf in reversed(leaves) if (role := role_of(leaf)) is not None}


def _owned(
    page: RulePage, groups: Sequence[GroupNode], addresses: Sequence[Address], *, heads: Sequence[Head]
) -> dict[str, Address]:
    free = list(addresses)
    owned: dict[str, Address] = {}
    for group in groups:
        if address := _headed(page, group, free, heads=heads):
            owned[group.path] = address
            free.remove(address)
    for group in sorted(groups, key=is_recipient):
        if group.path not in owned and free:
            address = _recipients(free) if is_recipient(group) else _senders(page, free)
            if address is not None:
                owned[group.path] = address
                name = _key(address.name)
                # The sender's address stands at the head and at the foot.
                free = [other for other in free if other is not address and (not name or _key(other.name) != name)]
    return owned


def _headed(page: RulePage, group: GroupNode, addresses: Sequence[Address], *, heads: Sequence[Head]) -> Address | None:
    """The address that stands below or beside a heading of the group, else the first in its section."""
    listed = [address for address in addresses if not address.is_one_line]
    boxes = [head.box for head in heads if head.path == group.path] or [label.box for label in page.labels_of(group)]
    ranked = [
        (gap, address)
        for box in boxes
        for address in listed
        if (gap := _gap(box, address.box)) is not None and gap <= REACH
    ]
    for section in sections(page, heads, group.path):
        inside = [address for address in listed if section.intersection(address.box).area > 0.5 * address.box.area]
        ranked += [(2 * REACH + address.box.y0 - section.y0, address) for address in inside]
    return min(ranked, key=lambda entry: entry[0])[1] if ranked else None


def _gap(label: Box, address: Box) -> float | None:
    top = Box(address.x0, address.y0, address.x1, address.y0 + label.height)
    return 0.0 if is_beside(label, top) else gap_below(label, top)


def _senders(page: RulePage, addresses: Sequence[Address]) -> Address | None:
    """A sender's line above the window; else who is named most often; else, of several, the highest."""
    lines = [address for address in addresses if address.is_one_line and address.name]
    if lines:
        return lines[0]
    if len(addresses) == 1:
        # One address without a label, in the upper half of a letter, is the recipient's.
        return addresses[0] if addresses[0].box.y0 > FOOT or addresses[0].box.y0 < 0.1 else None
    return max(addresses, key=lambda address: (_num_named(page, address), -address.box.y0))


def _recipients(addresses: Sequence[Address]) -> Address | None:
    return next((a for a in addresses if not a.is_one_line and a.box.y0 < FOOT), None)


def _num_named(page: RulePage, address: Address) -> int:
    return len(page.index.find(address.name.text)) if address.name else 0


def _key(name: Value | None) -> str:
    return fold(name.text) if name else ""


def _parts(page: RulePage, group: GroupNode, address: Address) -> dict[str, Value]:
    parts = {
        Role.NAME: address.name,
        Role.STREET: address.street,
        Role.POSTCODE: address.postcode,
        Role.CITY: address.city,
    }
    roles = _roles(group)
    found = {roles[role].path: value for role, value in parts.items() if value is not None and role in roles}
    country = next((leaf for leaf in group.children if _checksum(leaf) == "country"), None)
    if isinstance(country, LeafNode) and address.country and address.country.text in spans(page.layout, country):
        found[country.path] = address.country
    return found


def _labelled_leaves(
    page: RulePage, group: GroupNode, boxes: Sequence[Box], *, head_words: frozenset[int]
) -> dict[str, Value]:
    """What the labels inside a group's sections say of its fields."""
    found: dict[str, Value] = {}
    for leaf in group.children:
        if isinstance(leaf, LeafNode) and not is_vat_leaf(leaf):
            ranked = [entry for box in boxes for entry in _inside(page, leaf, box)]
            # `Address of the customer` is a heading, and `of the customer` no street.
            ranked = [entry for entry in ranked if not head_words & set(entry[1].words)]
            if ranked:
                found[leaf.path] = min(ranked, key=lambda entry: entry[0])[1]
    return found


def _inside(page: RulePage, leaf: LeafNode, section: Box) -> Iterator[tuple[float, Value]]:
    for label in page.labels_of(leaf):
        if label.is_whole and section.intersection(label.box).area > 0:
            for cost, value in near(page, label, leaf):
                if section.intersection(value.box).area > 0:
                    yield cost, value


def _checksum(node: object) -> str:
    return node.leaf.checksum if isinstance(node, LeafNode) else ""


def _sender_name(page: RulePage, taken: Sequence[Box]) -> Value | None:
    """A company's name with its legal form, the one named most often; else the tallest line at the head."""
    free = [
        segment
        for segment in page.segments
        if not any(box.intersection(segment.box).area > 0 for box in taken) and len(segment.words) <= 8
    ]
    named = [segment for segment in free if LEGAL_FORM.search(segment.text)]
    values = [value for segment in named if (value := page.value(segment.words))]
    if values:
        return max(values, key=lambda value: (len(page.index.find(value.text)), -value.box.y0))
    head = [s for s in free if s.box.y0 < 0.2 and not page.printed_labels & set(s.words) and s.text[:1].isalpha()]
    tallest = max(head, key=lambda segment: segment.box.height, default=None)
    return page.value(tallest.words) if tallest else None
