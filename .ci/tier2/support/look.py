"""What has to hold of a page for every eye and ear, computed in the browser."""

# Whatever sticks out at the right makes the page scroll sideways. What stands left of it is for screen readers.
WIDTH = """() => [...document.querySelectorAll("body *")]
    .filter((element) => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 0.5)
    .map((element) => `${element.tagName} ${element.id} ${element.textContent.slice(0, 60)}`)"""

# WCAG 2.2, 1.4.3: 4.5 to 1, and 3 to 1 where text is large. Each text stands on the nearest ground that is not transparent.
CONTRAST = """() => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const parse = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([red, green, blue]) => {
        const part = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
    };
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour[3] === 255) return colour;
        }
        return [255, 255, 255, 255];
    };
    const found = [];
    for (const element of document.querySelectorAll("body *")) {
        const ownText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!ownText || !element.checkVisibility()) continue;
        const style = getComputedStyle(element);
        const colour = parse(element instanceof SVGElement ? style.fill : style.color);
        const [one, other] = [light(colour), light(ground(element))].sort((a, b) => b - a);
        const size = parseFloat(style.fontSize);
        const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
        found.push([(one + 0.05) / (other + 0.05), isLarge ? 3 : 4.5, element.textContent.slice(0, 60)]);
    }
    return found;
}"""

# Roles that a person acts on, or that a screen reader stops at.
NAMED = {"button", "checkbox", "link", "searchbox", "slider", "textbox", "image", "img", "region", "form", "navigation"}


def check_width(page):
    """Nothing has to be scrolled for sideways."""
    wide, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    out = page.evaluate(WIDTH)
    assert wide <= window and not out, f"{wide} px wide in a window of {window} px: {out}"


def check_contrast(page):
    """Every text can be read on its ground."""
    texts = page.evaluate(CONTRAST)
    assert len(texts) > 5, texts
    faint = [text for text in texts if text[0] < text[1]]
    assert not faint, f"contrast, what it has to be, and of what: {faint}"


def check_names(page):
    """Everything that can be used has a name, and there is one main heading in one main part."""
    session = page.context.new_cdp_session(page)
    nodes = [node for node in session.send("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
    session.detach()
    roles = [node["role"]["value"] for node in nodes]
    nameless = [node["role"]["value"] for node in nodes if node["role"]["value"] in NAMED and not name_of(node)]
    assert not nameless, f"without a name: {nameless}"
    assert roles.count("main") == 1, roles
    headings = [node for node in nodes if node["role"]["value"] == "heading"]
    levels = [prop["value"]["value"] for node in headings for prop in node["properties"] if prop["name"] == "level"]
    assert levels.count(1) == 1, f"levels of the headings: {levels}"
    assert page.locator("[aria-live]").count() == 1, "more than the verdict is read aloud by itself"


def name_of(node):
    """What a screen reader calls it."""
    return node.get("name", {}).get("value", "").strip()
