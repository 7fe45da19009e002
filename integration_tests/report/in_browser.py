"""What a real Chromium makes of a page, as JSON: python in_browser.py PAGE [PICTURE].

Runs in the environment .marts, where `make report-test` puts Playwright and axe-core. With PICTURE, it takes one of the
top of the page instead.
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
BOXES = """() => [...document.querySelectorAll("svg")].map((svg) => ({
  kind: svg.classList[0], area: svg.getBoundingClientRect().width * svg.getBoundingClientRect().height,
  over: Math.max(0, ...[...svg.querySelectorAll("text, path")].map((mark) => mark.getBoundingClientRect())
    .filter((box) => box.width > 0)
    .flatMap((box) => [box.right - svg.getBoundingClientRect().right, svg.getBoundingClientRect().left - box.left])),
}))"""
SMALLEST = """() => Math.min(...[...document.querySelectorAll("svg text")]
  .filter((text) => text.getBoundingClientRect().width > 0)
  .map((text) => parseFloat(getComputedStyle(text).fontSize) * text.ownerSVGElement.getScreenCTM().a))"""


def look(browser: Any, url: str, width: int, scheme: str, *, scripts: bool) -> dict[str, Any]:
    """One way to look at the page."""
    context = browser.new_context(
        offline=True, viewport={"width": width, "height": 900}, is_mobile=width < 500, has_touch=True,
        color_scheme=scheme, java_script_enabled=scripts,
    )  # fmt: skip
    page = context.new_page()
    messages: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(url)
    if not scripts:
        picture = page.screenshot(full_page=True)
        context.close()
        return {"messages": messages, "requests": requests[1:], "bytes": len(picture)}
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    sideways = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    boxes, smallest = page.evaluate(BOXES), page.evaluate(SMALLEST)
    mark = page.locator(f"svg.{'wide' if width > 640 else 'narrow'} [data-words]").first
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = page.locator("#tip").text_content()
    axe = Path(str(find_spec("axe_core_python").origin)).with_name("axe.min.js")  # type: ignore[union-attr]
    debugger = context.new_cdp_session(page)  # past the page's own policy, which takes no script but its own
    debugger.send("Runtime.evaluate", {"expression": axe.read_text(encoding="utf-8")})
    violations = page.evaluate("axe.run()")["violations"]
    context.close()
    return {
        "messages": messages, "requests": requests[1:], "sideways": sideways, "boxes": boxes, "tip": tip,
        "smallest": smallest,
        "violations": [[one["id"], [node["target"] for node in one["nodes"]][:3]] for one in violations],
    }  # fmt: skip


def main() -> None:
    """Look in every way, or take the picture."""
    url = Path(sys.argv[1]).resolve().as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        if len(sys.argv) > 2:
            page = browser.new_page(viewport={"width": 1280, "height": 980}, color_scheme="light")
            page.goto(url)
            page.screenshot(path=sys.argv[2])
        else:
            seen = {
                f"{width} {scheme} scripts={scripts}": look(browser, url, width, scheme, scripts=scripts)
                for width in (1280, 390)
                for scheme, scripts in (("light", True), ("dark", True), ("light", False))
            }
            sys.stdout.write(json.dumps(seen))
        browser.close()


if __name__ == "__main__":
    main()
