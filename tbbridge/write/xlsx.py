"""An Office Open XML workbook (ECMA-376) of any sheet, written directly: a zip of a few small XML files and the rows.

Text cells are inline strings, which no spreadsheet takes for a formula. A spreadsheet's number cannot be NaN or
infinite: those are the texts ``nan``, ``inf``, ``-inf``. A worksheet holds 1,048,576 rows (Excel's); longer tables
go on in the next worksheet, under the same header.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.compute as pc

from tbbridge.core.errors import UsageError
from tbbridge.write.block import Block, Sheet, clean, slices

SHEET_ROWS = 1_048_576
"""Rows a worksheet can hold, its header counted."""
SHEET_COLUMNS = 16_384
"""Columns a worksheet can hold."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: the bytes must not depend on the clock
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # not allowed in XML 1.0
_ESCAPE_LIKE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def xlsx_bytes(sheet: Sheet, *, sheet_rows: int = SHEET_ROWS) -> bytes:
    """The whole workbook; `sheet_rows` is for tests.

    Raises:
        UsageError: the sheet has more columns than a worksheet can hold.
    """
    if len(sheet.header) > SHEET_COLUMNS:
        raise UsageError(f"a worksheet holds {SHEET_COLUMNS} columns, not {len(sheet.header)}: choose another format")
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        count = _worksheets(archive, sheet, sheet_rows)
        for name, text in _frame(count).items():
            archive.writestr(_entry(name), _XML + text)
    return sink.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _worksheets(archive: zipfile.ZipFile, sheet: Sheet, sheet_rows: int) -> int:
    """Write the worksheets; return how many."""
    header = "<row>" + "".join(map(_text, sheet.header)) + "</row>"
    blocks = slices(sheet)
    pending: Block | None = next(blocks, None)
    count = 0
    while pending is not None or count == 0:
        count += 1
        with archive.open(_entry(f"xl/worksheets/sheet{count}.xml"), "w") as out:
            out.write(f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>{header}'.encode())
            room = sheet_rows - 1
            while pending is not None and room:
                rows, pending = _split(pending, room)
                room -= rows.rows
                out.write("".join(_rows(rows)).encode())
                pending = pending or next(blocks, None)
            out.write(b"</sheetData></worksheet>")
    return count


def _split(block: Block, rows: int) -> tuple[Block, Block | None]:
    """The first `rows` rows of a block, and the rest when there is one."""
    if block.rows <= rows:
        return block, None
    head = {name: column.slice(0, rows) for name, column in block.columns.items()}
    tail = {name: column.slice(rows) for name, column in block.columns.items()}
    return Block(block.labels, head), Block(block.labels, tail)


def _rows(block: Block) -> Iterator[str]:
    start = "<row>" + "".join(map(_text, block.labels))
    columns = [_cells(column) for column in block.columns.values()]
    rows = pc.binary_join_element_wise(start, *columns, "</row>", "")
    yield from rows.to_pylist()


def _cells(column: pa.Array) -> pa.Array:
    """One cell a row: a number, a text for what is no number to a spreadsheet, or an empty cell."""
    text = column.cast(pa.string())
    cells = pc.binary_join_element_wise("<c><v>", text, "</v></c>", "")
    if pa.types.is_floating(column.type):
        quoted = pc.binary_join_element_wise('<c t="inlineStr"><is><t>', text, "</t></is></c>", "")
        cells = pc.if_else(pc.is_finite(column), cells, quoted)
    return pc.fill_null(cells, "<c/>")


def _text(text: str) -> str:
    """An inline string cell; a control character that XML cannot hold is written ``_xHHHH_`` (ECMA-376, ST_Xstring)."""
    safe = _CONTROL.sub(lambda found: f"_x{ord(found.group()):04X}_", _ESCAPE_LIKE.sub("_x005F_", clean(text)))
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(safe)}</t></is></c>'


def _frame(count: int) -> dict[str, str]:
    """The workbook's other files, by name."""
    numbers = range(1, count + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPE}.worksheet+xml"/>' for n in numbers
    )
    sheets = "".join(f'<sheet name="Sheet{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{_REL}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{relations}</Relationships>',
    }
