"""``tbbridge export``: logged scalars as files to share and to compute with."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tbbridge.commands.mapping_options import add_mapping_arguments

if TYPE_CHECKING:
    from tbbridge.exporting.options import ExportOptions

HELP = "write run logs (or every point, or a page to share) of a log directory once, and exit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("logdir", metavar="LOGDIR", help="the log directory, or its URL (s3://, gs://, az:// ...)")
    _add_target(parser.add_argument_group("where to"))
    _add_layout(parser.add_argument_group("what of it"))
    _add_selection(parser.add_argument_group("which part of it"))
    add_mapping_arguments(parser)


def _add_target(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--out",
        "-o",
        metavar="TARGET",
        help="a file (by its suffix: .csv .parquet .jsonl .xlsx .html, .csv.gz ...), a directory for one file per "
        "experiment, or - for standard output (default: LOGDIR-csv/ for run logs, else one file beside LOGDIR)",
    )
    group.add_argument("--format", metavar="FORMAT", help="csv, parquet, jsonl, xlsx, html; csv.gz, .zst, .xz, .bz2")
    group.add_argument("--force", action="store_true", help="replace a file that is there")
    group.add_argument("--no-header", action="store_true", help="leave the line of column names out of CSV")
    group.add_argument("--no-summary", action="store_true", help="keep no summary.csv beside the run logs")
    group.add_argument("--report", metavar="FILE.json", help="list the written files and all messages as JSON")
    group.add_argument("--spreadsheet-safe", action="store_true", help="put ' before texts that begin with = + - or @")
    group.add_argument(
        "--dialect",
        default="plain",
        metavar="DIALECT",
        help="how CSV is written: plain (NaN, lines end in LF) or python (as Python's csv module and the older viewer "
        "write it: nan, CRLF)",
    )
    group.add_argument(
        "--engine",
        default="threads",
        metavar="ENGINE",
        help="where the work is done: threads (this process), dask or dask=ADDRESS",
    )


def _add_layout(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--layout",
        default="compact",
        metavar="LAYOUT",
        help="compact: run logs (the default); long: run,tag,step,wall_time,value, every point; wide: a column per "
        "tag; summary: one row per experiment, with best and last values; events: when each --on was fulfilled",
    )
    group.add_argument(
        "--on",
        action="append",
        metavar="CONDITION",
        default=[],
        help='events: such as "val accuracy > 0.9", as for wait; may be repeated',
    )
    group.add_argument("--all", action="store_true", help="long: also the points that a restart superseded, marked")
    group.add_argument("--points", type=int, metavar="N", help="thin each series to about N points; extremes are kept")
    group.add_argument("--aggregate", choices=("mean", "median"), help="over experiments, with their spread")
    group.add_argument(
        "--group",
        action="append",
        metavar="GLOB",
        help="the experiments of one aggregate; may be repeated",
    )
    group.add_argument(
        "--group-by",
        metavar="NAMES",
        default="",
        help="aggregate experiments in which these hyperparameters are equal, such as lr,batch_size (default: all but "
        "the seed; where there are none, all experiments are one group)",
    )


def _add_selection(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--runs", action="append", metavar="GLOB", default=[], help="only these runs; may be repeated")
    group.add_argument("--tags", action="append", metavar="GLOB", default=[], help="only these tags; may be repeated")
    group.add_argument("--steps", metavar="A:B", default="", help="only the steps from A to B, both included")
    group.add_argument("--experiment", action="append", metavar="NAME", default=[], help="only this; may be repeated")
    group.add_argument("--follow-links", action="store_true", help="follow links to directories")


def run(args: argparse.Namespace) -> int:
    """Export; 0 when all went well, 1 when there was damage or something could not be read."""
    import sys

    from tbbridge.commands.mapping_options import mapping_options
    from tbbridge.commands.progress_bar import progress_bar
    from tbbridge.core.escape import escaped, say
    from tbbridge.exporting.export import Reader, report_writer, run_export
    from tbbridge.reading.findings import findings
    from tbbridge.reading.selection import Selection

    write_report = report_writer(args.report, args.logdir) if args.report is not None else None
    selection = Selection(args.runs, args.tags, args.experiment)
    with progress_bar() as progress:
        reader = Reader(mapping_options(args, args.logdir), args.engine, args.follow_links, progress)
        done = run_export(args.logdir, args.out, selection, _options(args), reader)
    for path in done.paths:
        print(escaped(str(path)) if sys.stdout.isatty() else path)
    pages = [path for path in done.paths if path.suffix == ".html"]
    sizes = [f"{page} has {page.stat().st_size / 1e6:.1f} MB and opens offline" for page in pages]
    found = findings(done.reading, mapped=args.layout != "long" and args.layout != "wide")
    unknown: list[str] = []
    if args.layout == "events":
        from tbbridge.exporting.fulfilled import missing

        unknown = missing(done.reading, args.on)
    lines = [*map(escaped, [*sizes, *unknown]), *found.lines]
    say(*lines)
    if write_report:
        write_report(done.paths, found.damaged, lines)
    return int(found.damaged)


def _options(args: argparse.Namespace) -> ExportOptions:
    from tbbridge.exporting.options import ExportOptions
    from tbbridge.reading.selection import parse_steps

    return ExportOptions(
        layout=args.layout,
        on=args.on,
        format=args.format,
        header=not args.no_header,
        summary=not args.no_summary,
        spreadsheet_safe=args.spreadsheet_safe,
        dialect=args.dialect,
        steps=parse_steps(args.steps),
        points=args.points,
        superseded=args.all,
        aggregate=args.aggregate,
        groups=tuple(args.group or ()),
        group_by=tuple(name.strip() for name in args.group_by.split(",") if name.strip()),
        force=args.force,
    )
