"""The page behind real proxies: the recipes of the docs in a real nginx, a real jupyter-server-proxy."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError

import pytest
from conftest import CHROMIUM, FLAGS
from logs import write_experiment, write_run
from memory_source import MemorySource
from playwright.sync_api import Browser
from screen import Screen
from support import ROOT, free_port, wait_until

from tbbridge import UsageError
from tbbridge.cli import build_parser
from tbbridge.commands.watch_ import page_options
from tbbridge.viewer import serve

pytestmark = pytest.mark.timeout(240)  # a Jupyter server takes a minute to start on a busy machine

NAME = "board.example"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
CONFIGURATION = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; {user}
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{ listen 127.0.0.1:{port}; server_name board.example; {recipe} }}
}}
"""


def recipes() -> list[tuple[str, str]]:
    """Each command line of the docs' nginx section, with the location block below it."""
    text = (ROOT / "docs" / "behind-a-proxy.md").read_text()
    section = text[text.index("## nginx") : text.index("## Jupyter")]
    return re.findall(r"```sh\n(.*?)\n```\s+```nginx\n(.*?)```", section, re.DOTALL)


@contextlib.contextmanager
def running(command: list[str], address: str, log: Path, **more: str) -> Iterator[None]:
    """A server as a process of its own, until the block ends."""
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **more})
        try:
            wait_until(lambda: answers(address) or process.poll() is not None, 110.0, what=f"{command[0]} answers")
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()
            process.wait(20)


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except URLError as error:
        return hasattr(error, "code")
    except OSError:
        return False
    return True


@contextlib.contextmanager
def nginx(recipe: str, upstream: int, folder: Path) -> Iterator[int]:
    """A real nginx with one recipe of the docs; its port."""
    assert NGINX, "nginx is not installed (make system)"
    port, user = free_port(), "user root;" if os.geteuid() == 0 else ""
    recipe = recipe.replace(":8050", f":{upstream}")
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=port, user=user, recipe=recipe))
    command = [NGINX, "-e", f"{folder}/error.log", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with running(command, f"http://127.0.0.1:{port}/", folder / "nginx.log"):
        yield port


@pytest.fixture(scope="module")
def outside(chromium: Browser) -> Iterator[Browser]:
    """A browser for which board.example is this machine."""
    rules = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"
    browser = chromium.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, rules])
    yield browser
    browser.close()


def follows(screen: Screen, source: MemorySource, step: int) -> None:
    """The page is drawn, and a new point arrives by the websocket."""
    screen.wait_drawn()
    source.append("mnist-cnn", step, train_accuracy=0.5)
    wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [step], what="it is live")


@pytest.mark.parametrize("number", range(len(recipes())))
def test_each_nginx_recipe_of_the_docs(number: int, outside: Browser, source: MemorySource, tmp_path: Path) -> None:
    """Stripped or not, at the root or below: the page is drawn and live by its websocket, without an error."""
    command, recipe = recipes()[number]
    page = page_options(build_parser().parse_args(command.split()[1:]))["page"]
    context = outside.new_context(reduced_motion="reduce")
    with serve(source, **{**page, "port": 0}) as handle, nginx(recipe, port_of(handle.url), tmp_path) as port:
        screen, sockets = Screen(context.new_page()), []
        screen.page.on("websocket", lambda socket: sockets.append(socket.url))
        screen.page.goto(f"http://{NAME}:{port}{page['prefix']}")
        follows(screen, source, 500)
        assert sockets == [f"ws://{NAME}:{port}{page['prefix']}_tbbridge/live/"]
        screen.page.goto("about:blank")
        assert screen.errors == []
    context.close()


def port_of(url: str) -> int:
    return int(re.findall(r":(\d+)/", url)[0])


def test_there_are_recipes_of_each_kind() -> None:
    """The docs have a recipe that strips the path, one that does not, and one at the root."""
    assert [re.findall(r"location (\S+)|proxy_pass \S+?8050(/?);", recipe) for _, recipe in recipes()] == [
        [("/trainings/", ""), ("", "/")],
        [("/trainings/", ""), ("", "")],
        [("/", ""), ("", "")],
    ]


def test_a_refusal_is_shown_in_the_servers_words(outside: Browser, source: MemorySource, tmp_path: Path) -> None:
    """Behind a proxy that asks as 127.0.0.1, without --allow-host, the page says what was refused and what to do."""
    context = outside.new_context(reduced_motion="reduce")
    with serve(source, port=0) as handle, nginx(recipes()[2][1], port_of(handle.url), tmp_path) as port:
        page = context.new_page()
        page.goto(f"http://{NAME}:{port}/")
        state = page.locator("#state")
        wait_until(lambda: "--allow-host NAME" in state.inner_text(), what="the remedy")
        page.goto("about:blank")
    context.close()


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Jupyter server."""
    home, port = tmp_path_factory.mktemp("jupyter"), free_port()
    options = [f"--port={port}", "--no-browser", "--IdentityProvider.token=", f"--ServerApp.root_dir={home}"]
    options += [
        "--allow-root",
        "--ServerApp.port_retries=0",
        "--ServerApp.jpserver_extensions={'jupyter_server_proxy': True}",
    ]
    command = [sys.executable, "-m", "jupyter_server", *options]
    homes = {name: str(home) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "HOME")}
    with running(command, f"http://127.0.0.1:{port}/", home / "jupyter.log", **homes):
        yield port


@pytest.mark.parametrize("prefix", ["", "/proxy/absolute/{port}/"])
def test_behind_jupyter_server_proxy(
    prefix: str, jupyter: int, source: MemorySource, open_page: Callable[..., Screen]
) -> None:
    """Below /proxy/PORT/ the path is found by itself; below /proxy/absolute/PORT/ it is the one that --prefix says."""
    upstream = free_port()
    prefix = prefix.format(port=upstream)
    with serve(source, port=upstream, prefix=prefix or "/"):
        screen = open_page(f"http://127.0.0.1:{jupyter}{prefix or f'/proxy/{upstream}/'}")
        follows(screen, source, 500)
        screen.page.goto("about:blank")


SHOW = """
import json, sys, nbclient
from nbformat.v4 import new_code_cell, new_notebook
cell = new_code_cell(f"import tbbridge; tbbridge.show({sys.argv[1]!r})")
notebook = nbclient.NotebookClient(new_notebook(cells=[cell]), timeout=100)
with notebook.setup_kernel():
    notebook.execute_cell(cell, 0)
    print(json.dumps([output["data"].get("text/html", "") for output in cell.outputs if "data" in output]), flush=True)
    sys.stdin.read()
"""


def test_a_real_notebook_shows_the_live_page_through_the_proxy(
    tmp_path: Path, jupyter: int, open_page: Callable[..., Screen]
) -> None:
    """A real kernel runs `tbbridge.show`; what the cell displays, on a page of a real Jupyter server, is live."""
    write_experiment(tmp_path / "logs", "exp")
    command = [sys.executable, "-c", SHOW, str(tmp_path / "logs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as kernel:
        assert kernel.stdin
        assert kernel.stdout
        (shown,) = json.loads(kernel.stdout.readline())
        screen = open_page("about:blank")
        screen.expected = ("404",)
        screen.page.goto(f"http://127.0.0.1:{jupyter}/nothing-here")  # any page of the server
        screen.page.evaluate("html => { document.body.innerHTML = html; }", shown)
        frame = wait_until(lambda: (screen.page.frames[1:] or [None])[0], what="the frame")
        drawn = "(document.querySelector('#accuracy-graph')?.data || []).map(trace => trace.x.at(-1))"
        wait_until(lambda: 3 in frame.evaluate(drawn), what="the chart")
        assert "/proxy/" in frame.url
        write_run(tmp_path / "logs" / "exp" / "train", "2", wall_time=200.0, accuracy=[(77, 0.5)])
        wait_until(lambda: 77 in frame.evaluate(drawn), what="the new point")
        screen.page.goto("about:blank")
        kernel.stdin.close()


@pytest.mark.parametrize("wrong", ["a b", "/a/../b/", '/"><script>/', "/a//b/", "http://x/"])
def test_a_prefix_that_is_no_path_is_refused(wrong: str) -> None:
    """A prefix goes into the page's addresses: only a plain path is taken."""
    with pytest.raises(UsageError, match="prefix="):
        serve(MemorySource(), port=0, prefix=wrong)


def test_a_proxys_header_cannot_write_into_the_page(source: MemorySource) -> None:
    """A header that holds no plain path is not obeyed."""
    with serve(source, port=0) as handle:
        for said in ('/"><script>alert(1)</script>/', "//evil.example/", "/a/../b"):
            request = urllib.request.Request(handle.url, headers={"X-Forwarded-Prefix": said})
            assert said not in urllib.request.urlopen(request).read().decode()
        request = urllib.request.Request(handle.url, headers={"X-Forwarded-Prefix": "/proxy/8050"})
        assert '"requests_pathname_prefix":"/proxy/8050/"' in urllib.request.urlopen(request).read().decode()
