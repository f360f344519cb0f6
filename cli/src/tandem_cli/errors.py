"""What a person is told when something cannot be done."""

import errno

from tandem_cli.language import said


class Trouble(Exception):  # noqa: N818
    """One clear sentence; the command ends with it and a non-zero exit status."""


_WHY_NOT = {
    errno.ENOENT: ("there is no such file", "ce fichier n'existe pas"),
    errno.EISDIR: ("it is a folder", "c'est un dossier"),
    errno.ENOTDIR: ("a part of its path is not a folder", "une partie de son chemin n'est pas un dossier"),
    errno.EACCES: ("it may not be opened", "l'accès est interdit"),
    errno.ENOSPC: ("the disk is full", "le disque est plein"),
}


def why_not(error: OSError) -> str:
    """Say what the system refused, where it is something that happens."""
    other = error.strerror or str(error)
    en, fr = _WHY_NOT.get(error.errno or 0, (other, other))
    return said(f"{error.filename}: {en}.", f"{error.filename} : {fr}.") if error.filename else said(en, fr)
