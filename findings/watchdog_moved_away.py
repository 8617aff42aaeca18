"""watchdog goes on telling of writes in a directory that was moved out of the watched tree, under its old name.

Seen with watchdog 7.1.0; Linux (inotify).

A training's directory is moved to an archive while its writer goes on. watchdog tells of the directory as deleted, of
none of its files, and then of every write in the archive, with paths of files that are no longer there. A new
training under the same name gets events of its own: from then on, the events of two directories come under one name.

    moved away: deleted logs/run
    written in the archive: modified logs/run/events, which is no file
    a new logs/run written: modified logs/run/events
    written in the archive again: modified logs/run/events
"""

import os
import time
from pathlib import Path

from _run import find


def finding() -> None:
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    seen: list[tuple[str, str]] = []

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            seen.append((event.event_type, os.path.relpath(event.src_path)))

    def after(what: str) -> list[tuple[str, str]]:
        time.sleep(2)
        found, seen[:] = seen[:], []
        print(f"{what}:", *(f"{kind} {path}" for kind, path in found if kind in {"deleted", "modified"}))
        return found

    run = Path("logs/run")
    run.mkdir(parents=True)
    Path("archive").mkdir()
    old = os.open(run / "events", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    observer = Observer()
    observer.schedule(Handler(), "logs", recursive=True)
    observer.start()

    run.rename("archive/run")
    moved = after("moved away")
    assert ("deleted", "logs/run") in moved
    assert not any(path == "logs/run/events" for _, path in moved)

    os.write(old, b"more")
    assert ("modified", "logs/run/events") in after("written in the archive")
    assert not run.exists()

    run.mkdir()
    new = os.open(run / "events", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.write(new, b"new")
    after("a new logs/run")
    os.write(new, b"new")
    assert ("modified", "logs/run/events") in after("a new logs/run written")
    os.write(old, b"more")
    assert ("modified", "logs/run/events") in after("written in the archive again")

    observer.stop()
    observer.join()
    os.close(old)
    os.close(new)


if __name__ == "__main__":
    find(["watchdog==7.1.0"], finding)
