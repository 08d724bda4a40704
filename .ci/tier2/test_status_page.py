"""The status page in a real browser, in every state that the person on call can find it in."""

import base64

import pytest

from support.browser import Browser
from support.ports import free_port
from support.states import TENANT_HEADER, RudeStore, day, dead_store, fill, fill_up, post, small_disk
from support.waiting import wait_until

BYTES_MOST = 60_000
TOKEN, USER, PASSWORD = "page-token-0123456789", "night", "w\u00e4chter"
CUT = ["Failed to load resource"]
SCRIPT = "<script>document.title='hacked'</script><img src=x onerror=document.title='hacked'>"


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


def filled(folder, forebay, **settings):
    """A forebay that works, and has delivered a sample of each signal."""
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket", LOG_SEAL_AFTER="1s", **settings).start()
    process.run("send", "--to", f"http://{process.http}", "--protocol", "http/protobuf")
    process.flush()
    return process


def test_fine_is_said_with_what_was_delivered(folder, forebay, browser, figure):
    process = filled(folder, forebay)
    key = process.status()["objects"]["delivered"][0]["key"]

    def ready(view):
        view.verdict("Fine")
        view.says("Taking data in")
        assert view.page.locator("#delivered code").first.get_attribute("title") == key
        assert "Empty" in view.text("queue") and "0 items" in view.text("queue")
        assert "Nothing was lost" in view.text("losses")
        assert "file://" in view.text("outputs")
        assert process.admin in view.text("listeners")
        assert view.page.locator("#start").is_hidden() and view.page.locator("#retrying").is_hidden()
        view.page.locator("#graphs figure").nth(5).wait_for()

    browser.views(process.admin, "fine", ready, history=day())
    with browser.open(process.admin, path="/page") as view:
        size = len(view.document.body())
        assert size < BYTES_MOST
        counts = view.page.locator("#signals tbody tr")
        assert all(row.split()[-2] != "0" for row in counts.all_inner_texts()[:3]), counts.all_inner_texts()
    figure(f"status page: {size} bytes")


def test_nothing_received_says_how_to_point_a_client_at_it(folder, forebay, browser):
    process = forebay(UPLOAD_TO=f"file://{folder}/bucket").start()

    def ready(view):
        view.verdict("Fine")
        assert f"OTEL_EXPORTER_OTLP_ENDPOINT=http://{process.http}" in view.text("start")
        assert f"forebay send --to http://{process.http}" in view.text("start")
        assert "Nothing delivered" in view.text("delivered")
        assert "No request has come yet" in view.text("tenants")

    browser.views(process.admin, "empty", ready)


def test_an_outage_is_said_in_the_words_of_the_store(forebay, browser):
    process = forebay(**dead_store()).start()
    post(process)
    process.wait_until_delivering_fails()
    words = wait_until(lambda: process.status()["objects"]["retrying"], "an object is retried")[0]["last_error"]["message"]

    def ready(view):
        view.verdict("Degraded")
        view.says("Failing for")
        assert "attempt" in view.text("retrying")
        # The end of it may change with each attempt.
        assert words[:40] in view.text("retrying")
        assert "16 items" in view.text("queue") and "Not being drained" in view.text("queue")
        assert view.page.locator("#reasons li").count() >= 1

    browser.views(process.admin, "outage", ready)


def test_a_disk_that_is_nearly_full_is_said(forebay, browser):
    process = forebay(**dead_store(), **small_disk()).start()
    fill(process, 0.85)

    def ready(view):
        view.verdict("Degraded")
        assert "Nearly full" in view.text("disk")
        assert "of 12 MiB" in view.text("disk")
        assert "%" in view.page.locator("#disk [role=img]").get_attribute("aria-label")
        assert "disk" in view.text("reasons").lower()

    browser.views(process.admin, "nearly-full", ready)


def test_a_forebay_that_refuses_says_so(forebay, browser):
    process = forebay(**dead_store(), **small_disk()).start()
    fill_up(process)

    def ready(view):
        view.verdict("Refusing data")
        assert "Refusing data" in view.text("intake")
        assert "told to come back" in view.text("meaning")
        assert "No room left" in view.text("disk")
        assert view.page.locator("#reasons li").count() >= 1

    browser.views(process.admin, "refusing", ready)


def test_a_forebay_that_is_gone_leaves_no_numbers_that_look_new(folder, forebay, browser):
    process = filled(folder, forebay, ADMIN_LISTEN=f"127.0.0.1:{free_port()}")

    def ready(view):
        view.verdict("Fine")
        process.kill()
        view.verdict("forebay does not answer")
        view.page.locator("#old").wait_for()
        assert "No answer since" in view.text("old") and "The numbers below are old" in view.text("old")
        assert view.text("freshness") == ""
        assert view.page.locator("#content").is_visible()
        process.start()
        view.verdict("Fine")
        assert view.page.locator("#old").is_hidden()
        process.kill()
        view.verdict("forebay does not answer")

    for mode, width in [("light", 1280), ("dark", 320)]:
        if process.process is None:
            process.start()
        with browser.open(process.admin, mode, width) as view:
            ready(view)
            view.check(expected=CUT)
            view.keep(f"gone-{mode}-{width}")


def test_credentials_are_asked_for_and_kept_in_the_tab(folder, forebay, browser):
    tokens = folder / "tokens"
    tokens.write_text(f"{TOKEN}\n", encoding="utf-8")
    process = forebay(
        UPLOAD_TO=f"file://{folder}/bucket", ADMIN_AUTH_TOKENS_FILE=tokens, ADMIN_AUTH_USERS=f"{USER}={PASSWORD}"
    ).start()

    def ready(view):
        view.verdict("Credentials needed")
        assert view.page.locator("#content").is_hidden()

    browser.views(process.admin, "locked", ready, expected=CUT)
    with browser.open(process.admin) as view:
        view.verdict("Credentials needed")
        view.page.get_by_label("Token", exact=True).fill("wrong")
        view.page.get_by_role("button", name="Show the status", exact=True).click()
        view.says("These were not accepted")
        view.page.get_by_label("Token", exact=True).fill(TOKEN)
        view.page.keyboard.press("Enter")
        view.verdict("Fine")
        assert view.page.locator("#door").is_hidden()
        view.page.reload()
        view.verdict("Fine")
        assert view.page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        assert TOKEN not in view.page.url
        view.check(expected=CUT)
    with browser.open(process.admin, width=320) as view:
        view.verdict("Credentials needed")
        view.page.get_by_label("User", exact=True).fill(USER)
        view.page.get_by_label("Password", exact=True).fill(PASSWORD)
        view.page.get_by_role("button", name="as this user").click()
        view.verdict("Fine")
        kept = view.page.evaluate("sessionStorage.getItem('forebay-credentials')")
        assert base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode() in kept


def test_what_others_say_is_text(forebay, browser):
    # The store's words are XML, in which it has to say it so that it is text for those who read it.
    with RudeStore(SCRIPT.replace("<", "&lt;")) as store:
        process = forebay(**dead_store(store.port), RECEIVE_TENANT_HEADER=TENANT_HEADER, OBJECTS_PREFIX="{tenant}").start()
        assert post(process, tenant=SCRIPT) == 200
        process.wait_until_delivering_fails()
        wait_until(lambda: process.status()["objects"]["retrying"], "an object is retried")

        def ready(view):
            view.verdict("Degraded")
            assert SCRIPT in view.text("tenants").replace("\n", "")
            assert "script" in view.text("retrying")
            assert view.page.locator("img").count() == 0 and view.page.locator("script").count() == 1

        browser.views(process.admin, "hostile", ready)


def test_a_graph_shows_what_was_where_somebody_points(folder, forebay, browser):
    process = filled(folder, forebay)
    with browser.open(process.admin, history=day()) as view:
        view.verdict("Fine")
        graph = view.page.get_by_role("slider", name="In, by time")
        graph.focus()
        view.page.keyboard.press("End")
        assert graph.get_attribute("aria-valuetext") == "10:55: items 67\xa0items/s, data 268\xa0KiB/s"
        for _ in range(15):
            view.page.keyboard.press("PageDown")
        assert graph.get_attribute("aria-valuetext") == "22 Nov, 19:55: items –, data –"
        view.page.keyboard.press("ArrowLeft")
        told = view.page.locator("#graphs-time").inner_text()
        # One hand for all graphs: the keyboard moved it in one, the pointer moves it in another.
        assert view.page.locator(".hand path").count() == 6
        view.keep("pointed-light-1280")
        view.page.get_by_role("slider", name="Disk, by time").hover()
        assert view.page.locator("#graphs-time").inner_text() != told
        # A hole ends the line, and it begins again behind it.
        line = view.page.locator("figure .line.first").nth(1).get_attribute("d")
        assert line.count("M") == 2 and view.page.locator(".hole").count() == 6
        view.check()


def test_the_configuration_is_shown_when_it_is_opened(forebay, browser):
    process = forebay(**dead_store()).start()
    with browser.open(process.admin, width=320) as view:
        view.verdict("Fine")
        assert not any(url.endswith("/config") for url in view.asked)
        view.page.get_by_text("Configuration", exact=True).click()
        rows = view.page.locator("#settings-table tbody tr")
        rows.first.wait_for()
        everything = rows.count()
        assert everything > 100
        assert "page-secret" not in view.page.content()
        view.page.get_by_label("Filter").fill("upload.s3")
        assert 5 < rows.count() < everything
        assert "upload.s3" in rows.first.inner_text()
        view.page.get_by_label("Changed only").check()
        changed = rows.all_inner_texts()
        assert len(changed) == 4 and any("***" in row for row in changed), changed
        view.check()
        view.keep("configuration-light-320")


def test_the_keyboard_gets_everywhere(folder, forebay, browser):
    process = filled(folder, forebay)
    with browser.open(process.admin) as view:
        view.verdict("Fine")
        view.page.keyboard.press("Tab")
        assert view.page.evaluate("document.activeElement.textContent") == "Skip to the numbers"
        view.page.keyboard.press("Enter")
        assert view.page.evaluate("document.activeElement.id") == "content"
        reached = set()
        for _ in range(40):
            view.page.keyboard.press("Tab")
            reached.add(view.page.evaluate("document.activeElement.tagName + document.activeElement.textContent.trim()"))
        assert "SUMMARYConfiguration" in reached and "A/metrics" in reached, reached
