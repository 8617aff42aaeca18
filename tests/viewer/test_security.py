"""Who may ask, and how much: hostile hosts, origins, paths, bodies, names and environments."""

from __future__ import annotations

import contextlib
import http.client
import json
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

from tbbridge import PathError, PortError, UsageError
from tbbridge.viewer import Handle, protocol, serve
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
    ("said", "answered"),
    [
        ('{"want": {"loss-weight": 1' + "0" * 400 + "}}", True),
        ('{"want": {"loss-weight": 1e999, "ranges": {"loss": [1e999, -1' + "0" * 400 + "]}}}", True),
        ('{"want": {"experiment": [[[1]]], "axis": {}, "updates": [], "theme": 7, "ranges": []}}', True),
        (b'{"want": {}}', False),
        (b"\xff\xfe", False),
        ('{"want": ' + "[" * 100_000 + "]" * 100_000 + "}", False),
    ],
)
def test_odd_messages_are_the_default_or_1008(
    handle: Handle, capfd: pytest.CaptureFixture[str], said: str | bytes, answered: bool
) -> None:
    """What is no control's value counts as its default, what is no message ends with 1008; the terminal stays quiet."""
    with websocket(handle, None) as live:
        live.send(said)
        if answered:
            assert '"figures"' in live.recv(timeout=20)
        else:
            with pytest.raises(ConnectionClosed) as ended:
                live.recv(timeout=20)
            assert ended.value.rcvd is not None
            assert ended.value.rcvd.code == 1008
    assert capfd.readouterr().err == ""


def test_a_text_that_is_no_text_ends_its_websocket_and_leaves_the_terminal_quiet(
    handle: Handle, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """RFC 6455, 8.1: text that is not UTF-8 fails the connection; what clients get wrong is not for the terminal."""
    with websocket(handle, None) as live:
        live.send(b"\xff\xfe", text=True)
        with pytest.raises(ConnectionClosed):
            live.recv(timeout=20)
    assert capfd.readouterr().err == ""
    assert not [one for one in caplog.records if one.name.startswith("uvicorn")]


CALLBACK = {
    "output": "news.data",
    "outputs": {"id": "news", "property": "data"},
    "inputs": [{"id": "poll", "property": "n_intervals", "value": 1}],
    "changedPropIds": ["poll.n_intervals"],
    "state": [{"id": "controls", "property": "data", "value": {}}, {"id": "cursor", "property": "data"}],
}
"""A poll of the page, as its script sends it."""


def post(handle: Handle, body: bytes, kind: str = "application/json") -> tuple[int, bytes]:
    status, _, answer = ask(handle, "/_dash-update-component", "POST", body, Content_Type=kind)
    return status, answer


@pytest.mark.parametrize(
    "cursor",
    [
        7,
        "x",
        [],
        {"number": "1"},
        {"number": 10**30},
        {"holds": 1},
        {"holds": {"pictures": 3}},
        {"holds": {"sent": []}},
    ],
)
def test_a_polls_cursor_of_any_kind_is_answered(handle: Handle, cursor: object) -> None:
    """A cursor that did not come from the server counts as none: the page gets the whole picture."""
    state = [CALLBACK["state"][0], {"id": "cursor", "property": "data", "value": cursor}]  # type: ignore[index]
    status, answer = post(handle, json.dumps({**CALLBACK, "state": state}).encode())
    assert status == 200
    assert b'"figures"' in answer


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"\xff", "application/json"),
        (b"[]", "application/json"),
        (b"{}", "application/json"),
        (b"[" * 100_000, "application/json"),
        (json.dumps(CALLBACK).encode(), "text/plain"),
        *(
            (json.dumps({**CALLBACK, **change}).encode(), "application/json")
            for change in (
                {"output": "no.such"},
                {"output": 7},
                {"inputs": 7},
                {"inputs": [7]},
                {"inputs": []},
                {"state": [{"id": "x", "property": "y"}]},
                {"outputs": 7},
                {"changedPropIds": [7]},
            )
        ),
    ],
)
def test_malformed_posts_are_400(handle: Handle, capfd: pytest.CaptureFixture[str], body: bytes, kind: str) -> None:
    """What the page's script would not send is refused, without a line on the terminal."""
    assert post(handle, body, kind)[0] == 400
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("value", [None, 7, -1, True, "x", [], [7], {}, {"x": [7]}], ids=str)
def test_a_callback_takes_values_of_any_type(handle: Handle, capfd: pytest.CaptureFixture[str], value: object) -> None:
    """Each of the page's callbacks answers values of a wrong type as their default."""
    callbacks = json.loads(ask(handle, "/_dash-dependencies")[2])
    for one in [one for one in callbacks if not one["clientside_function"]]:
        given = {part: [{**each, "value": value} for each in one[part]] for part in ("inputs", "state")}
        outputs = [
            dict(zip(("id", "property"), each.rsplit(".", 1), strict=True))
            for each in one["output"].strip(".").split("...")
        ]
        changed = [f"{each['id']}.{each['property']}" for each in one["inputs"]]
        body = {
            **given,
            "output": one["output"],
            "outputs": outputs if one["output"][:2] == ".." else outputs[0],
            "changedPropIds": changed,
        }
        assert post(handle, json.dumps(body).encode())[0] in (200, 204), one["output"]
    assert capfd.readouterr().err == ""


def test_unknown_suites_are_404_and_head_is_answered(handle: Handle, capfd: pytest.CaptureFixture[str]) -> None:
    """A package that is none of the page's is not there; HEAD has the status and headers of GET, and no body."""
    ask(handle)
    for path in ("os/path.py", "tbbridge.viewer/app.py", "nothing", "dash/dash-renderer/none.js"):
        assert ask(handle, f"/_dash-component-suites/{path}")[0] == 404
    for path in ("/", "/_dash-layout"):
        status, headers, body = ask(handle, path, "HEAD")
        assert (status, body) == (200, b"")
        assert headers["content-length"] == ask(handle, path)[1]["content-length"]
    assert capfd.readouterr().err == ""


def raw(handle: Handle, *parts: bytes) -> bytes:
    """Send bytes as they are; the answer up to the end of the connection, which the server must bring about."""
    with socket.create_connection(("127.0.0.1", port_of(handle)), timeout=30) as there:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                there.sendall(part)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while data := there.recv(65536):
                answer += data
        return answer


@pytest.mark.parametrize(
    "head",
    [
        [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 66_000 + b"\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nHost: localhost\r\n", *[b"X: " + b"x" * 60_000 + b"\r\n"] * 50],
        [b"GET /" + b"x" * 66_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nHost: evil.example\r\n" + b"X: y\r\n" * 20_000 + b"\r\n"],
    ],
)
def test_headers_are_bounded_before_anything_is_asked(handle: Handle, head: list[bytes]) -> None:
    """More than 64 KiB of headers are 431, in one header or many, from known hosts and others."""
    answer = raw(handle, *head)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert ask(handle, X="x" * 60_000)[0] == 200
    assert ask(handle)[0] == 200


def test_what_is_no_http_is_not_for_the_terminal(handle: Handle, capfd: pytest.CaptureFixture[str]) -> None:
    """A client that speaks something else is answered 400; the terminal stays quiet."""
    assert raw(handle, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: x", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1"]
)
def test_idle_connections_end(handle: Handle, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """A connection that sends nothing, or no whole request, is closed."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(protocol, "BODY_SECONDS", 0.3)
    raw(handle, sent)
    assert ask(handle)[0] == 200


def test_too_many_connections_are_turned_away(handle: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the descriptors are the run logs': above the bound a connection is closed at once, then room is again."""
    monkeypatch.setattr(protocol, "most_connections", lambda: 20)
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", port_of(handle))
        open_ones = [stack.enter_context(socket.create_connection(address, timeout=20)) for _ in range(60)]
        open_ones[-1].settimeout(20)
        assert open_ones[-1].recv(1) == b"", "closed by the server"
    wait_until(lambda: ask(handle)[0] == 200, what="room again")


def test_frames_are_for_those_who_are_named() -> None:
    """Without --frame only our own pages may frame ours; with it the named sites, too."""
    with serve(MemorySource(), port=0, frames=["http://localhost:8888", "vscode-webview:"], token=True) as handle:
        _, headers, _ = ask(handle, f"/?{urlsplit(handle.url).query}")
        assert "frame-ancestors 'self' http://localhost:8888 vscode-webview:" in headers["content-security-policy"]
        assert "x-frame-options" not in headers
        assert "SameSite=None; Secure; Partitioned" in headers["set-cookie"]
    for wrong in ("*", "localhost", "http://a b", "http://a;script-src *", "javascript"):
        with pytest.raises(UsageError, match="frames="):
            serve(MemorySource(), port=0, frames=[wrong])


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
        for _ in range(LARGEST_BODY // 65536 + 1):
            raw.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        assert raw.recv(100).split()[1:2] == [b"413"]
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
        assert "unsafe" not in scripts
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
        "DASH_REQUESTS_PATHNAME_PREFIX",
        "DASH_ROUTES_PATHNAME_PREFIX",
        "DASH_APP_NAME",
        "dash_app_name",
        "DASH_DEBUG",
        "DASH_MCP_ENABLED",
        "DASH_UI",
        "DASH_PROPS_CHECK",
        "DASH_HOT_RELOAD",
        "DASH_SERVE_DEV_BUNDLES",
    )
    hostile = {**dict.fromkeys(names, "true"), "HOST": "0.0.0.0", "PORT": "1", "DASH_URL_BASE_PATHNAME": "/elsewhere/"}
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
        for malformed in ("a@b=1", "tbbridge-token[]=x", "=", "x" * 9000, "\xff=\xfe"):
            assert ask(handle, Cookie=malformed)[0] == 401
        with pytest.raises(InvalidStatus):
            websocket(handle, None)
        status, headers, _ = ask(handle, f"/?{urlsplit(handle.url).query}")
        assert status == 200
        cookie = headers["set-cookie"]
        assert cookie.startswith(f"tbbridge-token-{port_of(handle)}="), "two pages of one machine have a cookie each"
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
    with serve(MemorySource(), port=0) as handle, pytest.raises(PortError, match=f"{port_of(handle)}.*port="):
        serve(MemorySource(), port=port_of(handle))
    for port in (-1, 70_000):
        with pytest.raises(PortError, match="port="):
            serve(MemorySource(), port=port)


def test_a_host_that_is_none_is_one_clear_line() -> None:
    """A name that no resolver knows is refused, naming the option."""
    with pytest.raises(PathError, match="host="):
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
    assert same_origin({"host": "a:443", "origin": "https://a"})
    assert not same_origin({"host": "a:443", "origin": "http://a"})
    assert not same_origin({"host": "a:1", "origin": "null"})
