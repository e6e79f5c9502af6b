"""``evipool init``: start a review."""

from __future__ import annotations

import click


@click.command()
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
@click.option("--title", help="Title of the review (default: the folder's name).")
def init(folder: str, title: str | None) -> None:
    """Start a review in DIR: review.toml with every setting explained, folders, and an empty database.

    Nothing is overwritten; nothing is sent anywhere.
    """
    from toolkit.project import FOLDERS
    from toolkit.starter import create_project
    from toolkit.store.database import synced_folder

    root = create_project(folder, title=title)
    click.echo(f"{root}: a new review.")
    click.echo("  review.toml          the protocol: question, reviewers, sources, outcomes, analyses")
    for name, text in (
        ("search_strategies", "one text file for each database"),
        ("imports", "put the databases' export files here"),
        ("extraction", "forms for study data"),
        ("results", "written by 'evipool analyse'"),
        ("report", "written by 'evipool report'"),
    ):
        if name in FOLDERS:
            click.echo(f"  {name + '/':<20} {text}")
    click.echo("  evipool.db           every record and decision; do not edit it")
    danger = synced_folder(root)
    if danger:
        click.echo(
            f"Note: this is {danger}. It works, but slower; never open the review on two machines at once.", err=True
        )
    click.echo(f'Next: edit "{root / "review.toml"}" (reviewers and sources first), then: evipool -C "{root}" status')
