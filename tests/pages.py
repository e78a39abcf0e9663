"""Pages of the admin as a browser has them, for tests that send their forms."""

import html
import re

from apps.common.conflicts.seen import SEEN

FIELD = re.compile(rf'<input type="hidden" name="([\w.-]*{SEEN})" value="([^"]*)"')


def carried(page: str | bytes) -> dict[str, str]:
    """Return what the forms of a page carry of what they showed."""
    text = page.decode() if isinstance(page, bytes) else page
    return {name: html.unescape(value) for name, value in FIELD.findall(text)}
