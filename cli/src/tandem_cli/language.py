"""What the command says, in the language of whoever runs it."""

from tandem_cli.settings import CliSettings


def said(en: str, fr: str) -> str:
    """Return the sentence in the language of the settings."""
    return fr if CliSettings().lang == "fr" else en
