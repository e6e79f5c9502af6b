"""What several search commands share: the transport they use, and days as people type them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import datetime

    from toolkit.search.transport import Transport

__all__ = ["day_of", "transport_of"]


def transport_of(ctx: click.Context, replies: str | None) -> Transport:
    """The transport of a search: recorded replies, what the caller set up (tests), or the network."""
    from toolkit.cli.common import Settings as Given
    from toolkit.search.replies import ReplayOpener
    from toolkit.search.transport import Settings, Transport

    if replies is not None:
        return Transport(settings=Settings(), opener=ReplayOpener(replies))
    given = (ctx.find_object(Given) or Given()).transport
    return given if isinstance(given, Transport) else Transport()


def day_of(text: str | None, option: str) -> datetime.date | None:
    """The day that an option names, None where it was not given; an InputError says what is allowed."""
    import datetime

    from toolkit.model.errors import InputError

    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text.strip().replace("/", "-"))
    except ValueError:
        raise InputError(f"{option} is not a day.", value=text, allowed="YYYY-MM-DD") from None
