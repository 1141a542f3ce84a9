# SPDX-License-Identifier: ISC
"""The pages and the API: in a browser, over raw sockets, and by rule.

Most tests talk to portal_fixture, which is the portal with a keeper made of a table: names that no resolver would pass
on, states that take a day to come about. What a real refusal leads to is tested with a real site at the end."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime

import pytest

from harness.waiting import wait_for

pytestmark = pytest.mark.xdist_group("web")  # one browser for all of them

CSP = ("default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
       "frame-ancestors 'none'")


# ---- the portal under test ----

class Portal:
    def __init__(self, program, burst=100000):
        environment = {**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"}
        self.errors = tempfile.TemporaryFile()
        self.popen = subprocess.Popen([program, "0", str(burst)], stdout=subprocess.PIPE, stderr=self.errors,
                                      text=True, env=environment)
        self.numbers = {}
        for line in self.popen.stdout:
            name, value = line.split()
            if name == "port":
                self.port = int(value)
                break
            self.numbers[name] = value
        self.url = f"http://127.0.0.1:{self.port}"

    def get(self, path, **headers):
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.build_opener(NoRedirect).open(request, timeout=20) as answer:
                return answer.status, dict(answer.headers), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read().decode()

    def why(self, name):
        return f"/why/{self.numbers[name]}"

    def raw(self, data, shut=True):
        """Sends bytes; all that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            try:
                connection.sendall(data)
                if shut:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it had enough already
            return receive_all(connection)

    def stop(self):
        self.popen.send_signal(signal.SIGTERM)
        code = self.popen.wait(20)
        self.errors.seek(0)
        errors = self.errors.read().decode("utf-8", "replace")
        assert code == 0 and "ERROR" not in errors and "runtime error" not in errors, errors


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


def receive_all(connection):
    parts = []
    try:
        while True:
            part = connection.recv(65536)
            if not part:
                break
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.fixture(scope="module")
def portal(helper_program):
    portal = Portal(helper_program("tests", "e2e", "portal_fixture"))
    yield portal
    portal.stop()


PAGES = ["/", "/why", "/policy", "/help", "/why/198.51.100.9", "/why/2001:db8::25", "/why/203.0.113.99",
         "/why/198.51.100.0/24", "/why/www.bad.example", "/lookup?q=7K3M-9QXT-2FHJ", "/nothing"]
INCIDENTS = ["listed", "no-ptr", "hostile", "foreign", "temporary", "observed", "ended", "secret"]


def all_pages(portal):
    return PAGES + [portal.why(name) for name in INCIDENTS]


# ---- a browser ----

@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    folder = tempfile.mkdtemp(prefix="stk-web-")
    options = Options()
    for argument in ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     "--disable-dev-shm-usage", f"--user-data-dir={folder}", "--window-size=1100,900"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()
    shutil.rmtree(folder, ignore_errors=True)


def show(browser, portal, path, width=1100, dark=False):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
    browser.get(portal.url + path)


def text_of(browser):
    return browser.find_element("css selector", "main").text


def test_every_page_fits_a_phone(portal, browser):
    for path in all_pages(portal):
        show(browser, portal, path, width=320)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 320, path


def test_what_strangers_sent_is_shown_and_never_run(portal, browser):
    browser.get_log("browser")  # what earlier pages had to say
    show(browser, portal, portal.why("hostile"))
    assert browser.title == f"Incident {portal.numbers['hostile']} – example.org mail"
    text = text_of(browser)
    assert "<script>document.title='owned'</script>" in text
    assert "\\x1b[2J" in text and "\\u{202e}gpj.exe" in text and "\\xff" in text
    assert browser.find_elements("css selector", "script, iframe, main img") == []
    assert not any(entry["level"] == "SEVERE" for entry in browser.get_log("browser"))


def test_a_policy_violation_would_be_noticed(portal, browser):
    """The check above can fail: an inline script put into this very page is blocked by the policy, and says so."""
    show(browser, portal, "/help")
    browser.get_log("browser")
    browser.execute_script("const s = document.createElement('script'); s.textContent = 'document.title=\"owned\"';"
                           "document.body.append(s)")
    assert browser.title != "owned"
    assert any("Content Security Policy" in entry["message"] for entry in browser.get_log("browser"))


def test_a_visitor_looks_a_number_up_with_the_keyboard(portal, browser):
    from selenium.webdriver.common.keys import Keys

    show(browser, portal, "/")
    field = browser.find_element("id", "q")
    field.send_keys(portal.numbers["no-ptr"].lower().replace("-", " "), Keys.ENTER)
    wait_for(lambda: browser.current_url == portal.url + portal.why("no-ptr"), what="the page of the number")
    text = text_of(browser)
    assert "mx1.example.org refused mail from 203.0.113.7 on" in text
    assert "set a PTR record" in text
    assert "Just trying to send an email?" in text


def test_the_first_tab_leads_to_the_content_and_focus_is_visible(portal, browser):
    from selenium.webdriver.common.keys import Keys

    show(browser, portal, "/")
    browser.find_element("tag name", "body").send_keys(Keys.TAB)
    focused = browser.switch_to.active_element
    assert focused.get_attribute("href").endswith("#main")
    assert focused.rect["x"] >= 0
    style = browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert style == "solid"


def test_a_mistyped_number_is_said_so(portal, browser):
    show(browser, portal, "/lookup?q=7K3M-9QXT-2FHJ")
    alert = browser.find_element("css selector", "[role=alert]")
    assert "a character seems mistyped" in alert.text
    field = browser.find_element("id", "q")
    assert field.get_attribute("value") == "7K3M-9QXT-2FHJ"
    assert field.get_attribute("aria-invalid") == "true"
    assert alert.get_attribute("id") in field.get_attribute("aria-describedby")


def test_pages_have_names_labels_and_headings(portal, browser):
    for path in all_pages(portal):
        show(browser, portal, path)
        assert browser.find_element("tag name", "html").get_attribute("lang") == "en"
        assert len(browser.find_elements("tag name", "h1")) == 1, path
        levels = [int(element.tag_name[1]) for element in browser.find_elements("css selector", "h1,h2,h3")]
        assert all(after - before <= 1 for before, after in zip(levels, levels[1:])), (path, levels)
        for field in browser.find_elements("css selector", "input"):
            assert browser.find_elements("css selector", f"label[for={field.get_attribute('id')}]"), path
        ids = [element.get_attribute("id") for element in browser.find_elements("css selector", "[id]")]
        assert len(ids) == len(set(ids)), path
        for table in browser.find_elements("tag name", "table"):
            assert table.find_elements("css selector", "th[scope]"), path


def test_targets_are_large_enough(portal, browser):
    """WCAG 2.2, 2.5.8: 24 by 24 pixels, but for links within a sentence."""
    for path in ["/", portal.why("listed"), "/policy"]:
        for width in (320, 1100):
            show(browser, portal, path, width=width)
            for element in browser.find_elements("css selector", "nav a, .brand, button, input, summary, .foot a"):
                size = element.rect
                assert size["height"] >= 24 and size["width"] >= 24, (path, element.text, size)


CONTRAST = r"""
const rgb = text => text.match(/[\d.]+/g).map(Number);
const luminance = color => {
  const [r, g, b] = color.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = element => {
  for (; element; element = element.parentElement) {
    const color = rgb(getComputedStyle(element).backgroundColor);
    if (color.length < 4 || color[3] === 1) return color.slice(0, 3);
  }
  return [255, 255, 255];
};
const found = [];
for (const element of document.querySelectorAll('body *')) {
  if (![...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())) continue;
  if (!element.getClientRects().length) continue;
  const a = luminance(rgb(getComputedStyle(element).color).slice(0, 3)), b = luminance(ground(element));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  found.push([ratio, element.tagName + '.' + element.className, element.textContent.slice(0, 40)]);
}
return found;
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_has_enough_contrast(portal, browser, dark):
    """WCAG 2.2, 1.4.3: 4.5 to 1, for all text whatever its size."""
    for path in all_pages(portal):
        show(browser, portal, path, dark=dark)
        found = browser.execute_script(CONTRAST)
        assert len(found) > 10, path
        assert min(found)[0] >= 4.5, (path, min(found))


def test_the_look_follows_the_visitors_choice(portal, browser):
    show(browser, portal, "/")
    light = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    show(browser, portal, "/", dark=True)
    assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") != light


# ---- what pages say ----

def test_results_are_words_and_shapes_not_colours_alone(portal):
    _, _, page = portal.get(portal.why("no-ptr"))
    rows = re.findall(r'<span class="result \w+"><svg.*?</svg>\s*<span>(.*?)</span>', page, re.S)
    assert {"passed", "failed (this was the reason)", "not known", "not needed"} <= set(rows)


def test_each_state_has_its_own_words(portal):
    for name, words in {"listed": "Blocked now", "no-ptr": "Refused", "temporary": "Asked to try again later",
                        "observed": "Not refused, only noted", "ended": "No longer listed"}.items():
        assert f"<span>{words}</span>" in portal.get(portal.why(name))[2], name
    assert "Not listed now" in portal.get("/why/2001:db8::25")[2]
    assert "Listed now" in portal.get("/why/www.bad.example")[2]
    assert "Listed in part" in portal.get("/why/198.51.100.0/24")[2]


def test_with_the_keeper_away_the_state_stays_and_details_are_excused(portal):
    status, _, page = portal.get("/why/203.0.113.99")
    assert status == 200 and "Listed now" in page and "not available just now" in page
    _, _, text = portal.get("/api/v1/ip/203.0.113.99")
    answer = json.loads(text)
    assert answer["listed"] is True and answer["history"] is None and answer["listings"][0]["since"] is None


def test_nobody_learns_for_whom_a_mail_was(portal):
    for path in [portal.why("secret"), f"/api/v1/incident/{portal.numbers['secret']}"]:
        _, _, text = portal.get(path)
        assert "victim" not in text and "joe" not in text


def test_an_address_tells_no_incident_number(portal):
    for path in ["/why/198.51.100.9", "/api/v1/ip/198.51.100.9"]:
        assert portal.numbers["listed"] not in portal.get(path)[2].replace("Like <code>7K3M-9QXT-2FHH", "")


def test_the_form_leads_to_the_one_address_of_a_page(portal):
    for typed, path in {"7k3m+9qxt+2fhh": "/why/7K3M-9QXT-2FHH", "%5B198.51.100.9%5D": "/why/198.51.100.9",
                        "https://mail.example.org/why/198.51.100.9": "/why/198.51.100.9",
                        "2001:DB8:0::25": "/why/2001%3Adb8%3A%3A25", "198.51.100.0/24": "/why/198.51.100.0/24",
                        "Firm.Example.": "/why/firm.example"}.items():
        status, headers, _ = portal.get(f"/lookup?q={typed}")
        assert (status, headers.get("Location")) == (303, path)


# ---- the API ----

def test_the_api_answers_for_listed_and_unlisted(portal):
    status, headers, text = portal.get("/api/v1/ip/198.51.100.9")
    answer = json.loads(text)
    assert status == 200 and headers["Content-Type"] == "application/json"
    assert answer["listed"] and answer["listings"][0]["sublist"] == "traps"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["listings"][0]["until"])
    assert len(answer["history"]) == 2
    assert json.loads(portal.get("/api/v1/ip/2001:db8::25")[2])["listed"] is False
    assert json.loads(portal.get("/api/v1/ip/2001:db8:bad::7")[2])["listed"] is True
    assert json.loads(portal.get("/api/v1/ip/198.51.100.0/24")[2])["listings"][0]["within"] is True
    assert json.loads(portal.get("/api/v1/domain/deep.bad.example")[2])["listed"] is True
    assert json.loads(portal.get("/api/v1/domain/notbad.example")[2])["listed"] is False
    incident = json.loads(portal.get(f"/api/v1/incident/{portal.numbers['no-ptr']}")[2])
    assert incident["rule"] == "no-ptr" and incident["checks"][5]["decided"] is True


def test_lists_and_policies_are_those_of_the_configuration(portal):
    lists = json.loads(portal.get("/api/v1/lists")[2])["lists"]
    assert [entry["zone"] for entry in lists] == ["bl.example.org", "dbl.example.org"]
    policies = {entry["policy"]: entry for entry in json.loads(portal.get("/api/v1/policies")[2])["policies"]}
    assert policies["trap-hits"]["text"] == "Mail to two or more of our spam traps, in two domains, within a day."
    assert policies["trap-hits"]["version"] == 2
    assert policies["trap-hits"]["text"] in portal.get("/policy")[2]


@pytest.mark.parametrize("path, status, kind", [
    ("/api/v1/ip/198.51.100", 400, "bad-address"),
    ("/api/v1/ip/198.51.100.9/24", 400, "bad-address"),
    ("/api/v1/ip/0.0.0.0/0", 400, "bad-address"),
    ("/api/v1/ip/198.51.0.0/16", 400, "bad-address"),
    ("/api/v1/ip/::/0", 400, "bad-address"),
    ("/api/v1/domain/.com", 400, "bad-address"),
    ("/api/v1/ip/bad.example", 400, "bad-address"),
    ("/api/v1/domain/198.51.100.9", 400, "bad-address"),
    ("/api/v1/incident/7K3M-9QXT-2FHJ", 400, "bad-number"),
    ("/api/v1/incident/x", 400, "bad-number"),
    ("/api/v1/incident/0000-0000-01Z0", 404, "unknown"),
    ("/api/v1/nothing", 404, "unknown"),
    ("/api/v1/ip/", 400, "bad-address")])
def test_problems_are_problem_details(portal, path, status, kind):
    got, headers, text = portal.get(path)
    problem = json.loads(text)
    assert (got, headers["Content-Type"]) == (status, "application/problem+json")
    assert problem["type"] == f"https://mail.example.org/problems/{kind}"
    assert problem["status"] == status and problem["title"] and problem["instance"] == path
    assert not re.search(r":$|below|[Ee]nter ", problem["detail"])  # words of a page, which has a form


@pytest.mark.parametrize("request_line", ["GET /api/v1/ip/%zz", "GET /api/v1/ip/..", "GET /api/v1/" + "a" * 3000,
                                          "DELETE /api/v1/ip/198.51.100.9"])
def test_a_request_that_is_refused_has_problem_details_too(portal, request_line):
    answer = portal.raw(f"{request_line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json\r\n" in head
    problem = json.loads(body)
    assert str(problem["status"]).encode() in head.split(b"\r\n")[0]
    assert problem["type"] == "https://mail.example.org/problems/invalid" and problem["detail"]


def test_an_unchanged_answer_is_not_sent_twice(portal):
    _, headers, _ = portal.get("/api/v1/lists")
    status, _, body = portal.get("/api/v1/lists", **{"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, "")
    assert portal.get("/api/v1/lists", **{"If-None-Match": '"other"'})[0] == 200


def test_health(portal):
    assert json.loads(portal.get("/healthz")[2])["status"] == "alive"
    assert json.loads(portal.get("/readyz")[2])["status"] == "ready"


# ---- HTTP ----

def test_every_answer_has_the_policy_and_sets_no_cookie(portal):
    paths = all_pages(portal) + ["/style.css", "/favicon.svg", "/api/v1/lists", "/api/v1/ip/x", "/healthz", "/lookup?q=%"]
    for path in paths:
        _, headers, _ = portal.get(path)
        assert headers["Content-Security-Policy"] == CSP, path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "no-referrer", path
        assert "Cache-Control" in headers and "Set-Cookie" not in headers, path


def test_pages_hold_no_script_and_no_foreign_address(portal):
    for path in all_pages(portal):
        _, _, page = portal.get(path)
        assert "<script" not in page and "javascript:" not in page and " style=" not in page and " on" + "click" not in page
        for link in re.findall(r'(?:src|href)="([^"]*)"', page):
            assert link.startswith(("/", "#", "mailto:", "https://mail.example.org/")), (path, link)


GOOD = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
ATTACKS = {
    "two lengths": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "odd host": b"GET / HTTP/1.1\r\nHost: a\"><script>\r\n\r\n",
    "folded line": b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
    "blank before colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "nul in a name": b"GET / HTTP/1.1\r\nHost: a\r\nX\0: 1\r\n\r\n",
    "nul in a value": b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
    "nul in the path": b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "line feeds only": b"GET / HTTP/1.1\nHost: a\n\n",
    "walking up": b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    "walking up, encoded": b"GET /why/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    "proxying": b"CONNECT other.example:25 HTTP/1.1\r\nHost: a\r\n\r\n",
    "injected header": b"GET /why/a%0d%0aSet-Cookie:%20x HTTP/1.1\r\nHost: a\r\n\r\n",
    "endless line": b"GET /" + b"a" * 100000,
    "huge header": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100000,
    "many headers": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 1000 + b"\r\n",
    "body of a get": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "post": b"POST /lookup HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nq=1",
    "version 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "smtp": b"EHLO a\r\nMAIL FROM:<a@b>\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\r\n\r\n",
    "nothing": b"\r\n\r\n\r\n",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_no_clean_request_is_refused(portal, name):
    answer = portal.raw(ATTACKS[name])
    heads = re.findall(rb"HTTP/1\.1 (\d+)", answer)
    assert len(heads) == 1 and heads[0][:1] in (b"4", b"5"), answer[:200]
    assert heads[0] not in (b"500", b"503")
    assert CSP.encode() in answer and b"Set-Cookie" not in answer
    assert b"root:" not in answer
    assert portal.raw(GOOD).startswith(b"HTTP/1.1 200")


def test_answers_have_a_date_and_the_absolute_form_is_taken(portal):
    status, headers, text = portal.get("/")
    assert status == 200 and abs(parsedate_to_datetime(headers["Date"]).timestamp() - time.time()) < 60
    assert b" 200 " in portal.raw(b"GET http://mail.example.org/ HTTP/1.1\r\nHost: mail.example.org\r\nConnection: close\r\n\r\n")[:20]


def test_requests_in_one_packet_are_answered_in_order(portal):
    answer = portal.raw(b"GET /why/198.51.100.9 HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing HTTP/1.1\r\nHost: a\r\n\r\n" + GOOD)
    assert [int(code) for code in re.findall(rb"HTTP/1\.1 (\d+)", answer)] == [200, 404, 200]


def test_head_tells_the_length_and_sends_nothing(portal):
    answer = portal.raw(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b"" and int(re.search(rb"Content-Length: (\d+)", head).group(1)) > 1000


def test_many_slow_clients_keep_nobody_out(portal):
    """300 connections that never finish a request: more than are served at once."""
    slow = []
    try:
        for _ in range(300):
            connection = socket.create_connection(("127.0.0.1", portal.port), timeout=20)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
            slow.append(connection)
        for _ in range(5):
            assert portal.raw(GOOD).startswith(b"HTTP/1.1 200")
    finally:
        for connection in slow:
            connection.close()


def test_a_slow_head_is_ended_even_when_it_drips(portal):
    with socket.create_connection(("127.0.0.1", portal.port), timeout=40) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        ended = threading.Event()

        def drip():
            while not ended.wait(0.5):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            assert receive_all(connection) == b""
        finally:
            ended.set()
            thread.join()


def test_who_asks_too_often_is_told_when_to_come_back(helper_program):
    portal = Portal(helper_program("tests", "e2e", "portal_fixture"), burst=3)
    try:
        codes = [portal.get("/api/v1/ip/198.51.100.9")[0] for _ in range(3)]
        status, headers, text = portal.get("/api/v1/ip/198.51.100.9")
        assert codes == [200, 200, 200] and status == 429
        assert 1 <= int(headers["Retry-After"]) <= 60
        assert json.loads(text)["type"].endswith("/problems/rate")
        assert portal.get("/why/198.51.100.9")[0] == 429
        assert portal.get("/")[0] == 200 and portal.get("/style.css")[0] == 200
        # A proxy on this machine asks for somebody else.
        assert portal.get("/api/v1/ip/198.51.100.9", **{"X-Forwarded-For": "203.0.113.1"})[0] == 200
    finally:
        portal.stop()


# ---- the role, with a real keeper ----

def get(site, path):
    request = urllib.request.Request(f"http://127.0.0.1:{site.ports['web']}{path}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def web_site(site):
    site.conf["run"]["roles"] = ["keeper", "web"]
    site.keeper = site.start("keeper")
    site.web = site.start("web")
    wait_for(lambda: get(site, "/readyz")[0] == 200, what="the first list")
    return site


def listed(site, source):
    return json.loads(get(site, f"/api/v1/ip/{source}")[1])


def test_without_a_list_nobody_is_said_to_be_unlisted(site):
    site.conf["run"]["roles"] = ["keeper", "web"]
    site.start("web")
    for path in ("/readyz", "/api/v1/ip/203.0.113.9", "/api/v1/domain/good.test", "/why/203.0.113.9"):
        status, body = get(site, path)
        assert status == 503 and "Our lists are not here yet" in body, path


def test_a_change_of_an_operator_is_on_the_page(web_site):
    web_site.cli("list", "add", "198.51.100.9", "--list", "main", "--reason", "open <relay>", "--for", "24h", "-y")
    wait_for(lambda: listed(web_site, "198.51.100.9")["listed"], what="the listing")
    entry = listed(web_site, "198.51.100.9")["listings"][0]
    assert entry["list"] == "main" and entry["since"] and entry["until"] and entry["reason"] == "open <relay>"
    assert "open &lt;relay&gt;" in get(web_site, "/why/198.51.100.9")[1]
    web_site.cli("delist", "198.51.100.9", "--reason", "fixed", "-y")
    wait_for(lambda: not listed(web_site, "198.51.100.9")["listed"], what="the removal")
    assert len(listed(web_site, "198.51.100.9")["history"]) == 1
    status, page = get(web_site, "/why/198.51.100.9")
    assert status == 200 and "Not listed now" in page and "It was listed once before" in page


def test_an_allowance_is_nobodys_business(web_site):
    before = listed(web_site, "198.51.100.9")["serial"]
    web_site.cli("allow", "198.51.100.9", "--reason", "partner", "-y")
    wait_for(lambda: listed(web_site, "198.51.100.9")["serial"] != before, what="the new list")
    answer = listed(web_site, "198.51.100.9")
    assert answer["listed"] is False and answer["listings"] == [] and answer["history"] == []
    assert "partner" not in get(web_site, "/why/198.51.100.9")[1]


def test_pages_outlive_the_keeper(web_site):
    web_site.cli("list", "add", "198.51.100.9", "--list", "main", "--reason", "spam", "-y")
    wait_for(lambda: listed(web_site, "198.51.100.9")["listed"], what="the listing")
    web_site.keeper.kill()
    status, page = get(web_site, "/why/198.51.100.9")
    assert status == 200 and "Listed now" in page and "not available just now" in page
    status, page = get(web_site, "/why/7K3M-9QXT-2FHH")
    assert status == 503 and "Details are not available just now" in page
    web_site.keeper = web_site.start("keeper")
    wait_for(lambda: get(web_site, "/why/7K3M-9QXT-2FHH")[0] == 404, what="the keeper to be back")


def test_a_reload_changes_the_words_and_drops_no_connection(web_site):
    with socket.create_connection(("127.0.0.1", web_site.ports["web"]), timeout=20) as connection:
        connection.sendall(b"GET /policy HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        web_site.conf["policies"]["by-hand"]["criterion"] = {"version": 2, "text": "Another criterion."}
        web_site.write()
        web_site.web.reload()
        assert "Another criterion." in get(web_site, "/policy")[1]
        web_site.write("hostname: [\n")
        web_site.web.reload()
        assert "Another criterion." in get(web_site, "/policy")[1]
        connection.sendall(GOOD)
        answer = receive_all(connection)
        assert b"HTTP/1.1 200" in answer
    web_site.write()


def test_the_role_ends_when_told_to(web_site):
    with socket.create_connection(("127.0.0.1", web_site.ports["web"]), timeout=20):
        assert web_site.web.stop() == 0


def test_pages_start_without_a_keeper_from_the_last_list(web_site):
    web_site.cli("list", "add", "198.51.100.9", "--list", "main", "--reason", "spam", "-y")
    wait_for(lambda: listed(web_site, "198.51.100.9")["listed"], what="the listing")
    web_site.keeper.stop()
    web_site.web.stop()
    web_site.web = web_site.start("web")
    assert get(web_site, "/readyz")[0] == 200
    assert get(web_site, "/why/198.51.100.9")[0] == 200
