"""Serve the live page under a path of a FastAPI application that you have already: here /trainings/.

    python examples/embed_under_path.py logs/       # then open http://127.0.0.1:8050/trainings/

Give the page your application and the path. (Mounting the page's own server under a path does not work: Dash must know
the path that browsers ask for.)
"""

from __future__ import annotations

import argparse

from fastapi import FastAPI

from tbbridge import Source, open_source
from tbbridge.viewer import make_app


def make_server(source: Source) -> FastAPI:
    """Your application, with the page under /trainings/."""
    server = FastAPI(title="Our lab")

    @server.get("/hello")
    def hello() -> dict[str, str]:
        return {"hello": "lab"}

    make_app(source, server=server, url_base_pathname="/trainings/")
    return server


if __name__ == "__main__":
    import uvicorn

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="run logs, or a log directory")
    parser.add_argument("--port", type=int, default=8050)
    args = parser.parse_args()
    uvicorn.run(make_server(open_source(args.path)), port=args.port)
