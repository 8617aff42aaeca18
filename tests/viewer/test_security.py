"""Who may ask, and how much: hostile hosts, origins, paths, bodies, names and environments."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from memory_source import MemorySource, training
from support import ROOT, free_port, wait_until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tbbridge import PathError, PortError
from tbbridge.viewer import Handle, serve
from tbbridge.viewer.security import LARGEST_BODY, host_of, is_loopback, same_origin

OWN_HOSTS = ["127.0.0.1", "localhost", "[::1]", "LOCALHOST", "127.0.0.1:{port}", "localhost:{port}", "a.localhost"]
HOSTILE_HOSTS = [
    *(
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:{port}",
        "127.0.0.1@evil.example",
    ),
    *("evil.example#127.0.0.1", "0.0.0.0", "10.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]", "", " ", "127.0.0.1:x"),
    *("127.0.0.1, evil.example", "127.0.0.1/evil.example", "localhost\\evil", "%6cocalhost", "xn--lcalhost-b2g"),
]
HOSTILE_ORIGINS = [
    *("http://evil.example", "https://evil.example:{port}", "null", "", "http://127.0.0.1.evil.example:{port}"),
    *("http://127.0.0.1", "http://127.0.0.1:1", "http://localhost:{port}", "file://", "chrome-extension://abc"),
    *(
        "http://127.0.0.1:{port}.evil.example",
        "http://evil.example/127.0.0.1:{port}",
        "javascript:alert(1)",
        "127.0.0.1",
    ),
]


@pytest.fixture(scope="module")
def handle() -> Iterator[Handle]:
    source = MemorySource(a=training(10))
    with serve(source, port=0) as served:
        yield served


def port_of(handle: Handle) -> int:
    return urlsplit(handle.url).port or 0


def ask(
    handle: Handle, path: str = "/", method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One request, sent as it is said: status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(handle), timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": f"127.0.0.1:{port_of(handle)}", **headers}.items():
        connection.putheader(name.replace("_", "-"), value.format(port=port_of(handle)))
    if body or method == "POST":
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    read = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    connection.close()
    return read


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_own_names_are_answered(handle: Handle, host: str) -> None:
    """This machine's loopback names and addresses, with any port, are let in."""
    assert ask(handle, Host=host)[0] == 200


@pytest.mark.parametrize("host", HOSTILE_HOSTS)
def test_other_names_are_refused(handle: Handle, host: str) -> None:
    """A name that another site may have pointed at this machine (DNS rebinding) gets nothing, not even the layout."""
    for path in ("/", "/_dash-layout", "/_dash-dependencies"):
        status, _, body = ask(handle, path, Host=host)
        assert status in (400, 421)
        assert b"tbbridge" not in body or b"does not answer" in body


def test_two_hosts_are_refused(handle: Handle) -> None:
    """A request with two Host headers is refused, whichever is the good one."""
    with socket.create_connection(("127.0.0.1", port_of(handle)), timeout=20) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        assert raw.recv(100).split()[1] in (b"400", b"421")


@pytest.mark.parametrize("origin", HOSTILE_ORIGINS)
def test_other_sites_pages_may_not_connect_or_post(handle: Handle, origin: str) -> None:
    """A websocket or a POST from another site's page is refused."""
    said = origin.format(port=port_of(handle))
    with pytest.raises((InvalidStatus, ConnectionClosed)):
        websocket(handle, said).recv(timeout=10)
    body = b'{"output":"news.data","inputs":[],"changedPropIds":[]}'
    status, _, _ = ask(handle, "/_dash-update-component", "POST", body, Origin=said, Content_Type="application/json")
    assert status == 403


def websocket(handle: Handle, origin: str | None):  # type: ignore[no-untyped-def]
    url = f"ws://127.0.0.1:{port_of(handle)}/_tbbridge/live/"
    return connect(url, additional_headers={"Origin": origin} if origin is not None else {}, open_timeout=20)


def test_its_own_page_and_a_program_may_connect(handle: Handle) -> None:
    """The page itself, and a program that is no page, get the data."""
    for origin in (f"http://127.0.0.1:{port_of(handle)}", None):
        with websocket(handle, origin) as live:
            live.send('{"want": {}}')
            assert '"figures"' in live.recv(timeout=20)


@pytest.mark.parametrize(
    "said", ["[1", "7", '"x"', "[]", "null", "x" * 100_000, '{"want": ' + '"' + "y" * 300_000 + '"}']
)
def test_nonsense_on_the_websocket_ends_it_alone(handle: Handle, said: str) -> None:
    """What is no message of the page ends that connection; the others and the server go on."""
    with websocket(handle, None) as live:
        live.send(said)
        with pytest.raises(ConnectionClosed):
            live.recv(timeout=20)
    assert ask(handle)[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/_dash-component-suites/tbbridge.viewer/../../../../etc/passwd",
        "/_dash-component-suites/tbbridge.viewer/assets/%2e%2e/%2e%2e/setup.cfg",
        "/_dash-component-suites/tbbridge.viewer/app.py",
        "/_dash-component-suites/tbbridge/cli.py",
        "/_dash-component-suites/os/path.py",
        "/assets/../app.py",
        "/assets/%2e%2e%2fapp.py",
        "/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/%00",
    ],
)
def test_no_path_leads_out_of_the_assets(handle: Handle, path: str) -> None:
    """Only the page's own scripts and styles are served as files."""
    status, _, body = ask(handle, path)
    assert b"root:" not in body
    assert b"def " not in body
    assert b"metadata" not in body
    assert status in (200, 400, 403, 404, 500)


def test_large_bodies_are_refused(handle: Handle) -> None:
    """A body over the limit is refused before it is read, and one that does not say its size is cut off."""
    assert ask(handle, "/_dash-update-component", "POST", Content_Length=str(LARGEST_BODY + 1))[0] in (400, 413)
    with socket.create_connection(("127.0.0.1", port_of(handle)), timeout=30) as raw:
        head = "POST /_dash-update-component HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        raw.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        sent = 0
        with pytest.raises((ConnectionError, TimeoutError, AssertionError)):  # noqa: PT012
            while sent < 4 * LARGEST_BODY:
                raw.sendall(chunk)
                sent += 65536
            raw.settimeout(10)
            answer = raw.recv(100)
            assert answer.split()[1:2] == [b"200"], "refused"
    assert ask(handle)[0] == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_do_nothing(handle: Handle, method: str) -> None:
    """The server has pages to get and callbacks to post to, no more."""
    assert ask(handle, "/", method)[0] in (403, 404, 405)


def test_every_answer_has_the_safe_headers(handle: Handle) -> None:
    """No inline script, no other site's script or frame, no guessing of types."""
    for path in ("/", "/_dash-layout", "/nothing"):
        _, headers, _ = ask(handle, path)
        policy = headers["content-security-policy"]
        scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert "'unsafe-inline'" not in scripts
        assert "http" not in scripts
        assert "*" not in policy
        assert "frame-ancestors 'self'" in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_nothing_documents_the_server_to_strangers(handle: Handle) -> None:
    """The documentation pages of the web framework are off."""
    for path in ("/docs", "/redoc", "/openapi.json", "/_mcp", "/assets/app.py"):
        assert ask(handle, path)[0] == 404, path


def test_the_environment_switches_nothing_on() -> None:
    """DASH_DEBUG, HOST, DASH_MCP_ENABLED and others that Dash reads change nothing."""
    names = (
        "DASH_DEBUG",
        "DASH_MCP_ENABLED",
        "DASH_UI",
        "DASH_PROPS_CHECK",
        "DASH_HOT_RELOAD",
        "DASH_SERVE_DEV_BUNDLES",
    )
    hostile = {**dict.fromkeys(names, "true"), "HOST": "0.0.0.0", "PORT": "1", "DASH_URL_BASE_PATHNAME": ""}
    program = (
        "import sys, http.client; sys.path.insert(0, 'tests')\n"
        "from memory_source import MemorySource\n"
        "from tbbridge.viewer import serve\n"
        "with serve(MemorySource(), port=0) as handle:\n"
        "    host = handle.url[7:-1]\n"
        "    def ask(path):\n"
        "        c = http.client.HTTPConnection(host); c.request('GET', path); return c.getresponse()\n"
        "    print(host, ask('/_mcp').status, ask('/docs').status, ask('/').read().decode())\n"
    )
    env = {**os.environ, **hostile}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("127.0.0.1:"), done.stderr
    assert done.stdout.split()[1:3] == ["404", "404"]
    assert '"ui":false' in done.stdout.replace(" ", "")
    assert '"hot_reload"' not in done.stdout
    assert ".dev.js" not in done.stdout


def test_a_token_is_asked_for() -> None:
    """With a token nothing is answered without it; the address with it opens the page, and a cookie remembers it."""
    with serve(MemorySource(), port=0, token=True) as handle:
        for path in ("/", "/_dash-layout", "/?token=wrong"):
            assert ask(handle, path)[0] == 401
        with pytest.raises(InvalidStatus):
            websocket(handle, None)
        status, headers, _ = ask(handle, f"/?{urlsplit(handle.url).query}")
        assert status == 200
        cookie = headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert ask(handle, "/_dash-layout", Cookie=cookie.split(";")[0])[0] == 200


def test_another_name_is_answered_only_when_it_is_allowed() -> None:
    """A proxy's name must be said with allow_hosts; on all addresses a bare address is a name, a domain is not."""
    with serve(MemorySource(), port=0, allow_hosts=["board.example"]) as handle:
        assert ask(handle, Host="board.example")[0] == 200
        assert ask(handle, Host="other.example")[0] == 421
        with websocket(handle, "https://board.example") as live:
            live.send('{"want": {}}')
            assert '"set"' in live.recv(timeout=20), "its page, by a proxy that asks under this machine's name"
        with pytest.raises(InvalidStatus):
            websocket(handle, "https://other.example")
    with serve(MemorySource(), "0.0.0.0", 0) as handle:
        assert ask(handle, Host="10.0.0.7")[0] == 200
        assert ask(handle, Host="evil.example")[0] == 421


def test_a_taken_port_is_one_clear_line() -> None:
    """The error names the port and its remedy."""
    with serve(MemorySource(), port=0) as handle, pytest.raises(PortError, match=f"{port_of(handle)}.*--port"):
        serve(MemorySource(), port=port_of(handle))
    for port in (-1, 70_000):
        with pytest.raises(PortError, match="--port"):
            serve(MemorySource(), port=port)


def test_a_host_that_is_none_is_one_clear_line() -> None:
    """A name that no resolver knows is refused, naming the option."""
    with pytest.raises(PathError, match="--host"):
        serve(MemorySource(), "no.such.host.invalid", 0)


def test_a_closed_server_leaves_its_port_and_its_source() -> None:
    """After close the port is free again, and nobody listens to the source any more."""
    source, port = MemorySource(a=training(5)), free_port()
    for _ in range(2):
        with serve(source, port=port) as handle, websocket(handle, None) as live:
            live.send('{"want": {}}')
            live.recv(timeout=20)
            assert source.subscribers == 1
        wait_until(lambda: source.subscribers == 0, what="the subscription ends")


def test_titles_are_data() -> None:
    """The log directory's name is nowhere in the page's HTML, where it could be a tag."""
    with serve(MemorySource("</title><script>alert(1)</script>"), port=0) as handle:
        assert b"<script>alert(1)" not in ask(handle)[2]


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("a.b:1", "a.b"),
        ("[::1]:80", "::1"),
        ("A", "a"),
        ("a.", "a"),
        ("a:b", None),
        ("a@b", None),
        ("[::1", None),
        ("", None),
    ],
)
def test_hosts_are_read_strictly(authority: str, host: str | None) -> None:
    """What is not a host and perhaps a port is no host."""
    assert host_of(authority) == host


def test_loopback_is_recognised() -> None:
    """All of 127.0.0.0/8 and ::1 are this machine; names that only begin like them are not."""
    assert all(map(is_loopback, ("localhost", "127.9.9.9", "::1", "x.localhost")))
    assert not any(map(is_loopback, ("127.0.0.1.evil", "localhost.evil", "1.2.3.4", "::2", "notlocalhost")))
    assert same_origin({"host": "a:1"})
    assert not same_origin({"host": "a:1", "origin": "null"})
