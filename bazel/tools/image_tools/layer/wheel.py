"""A declared .whl: its DEFLATE streams, to be copied instead of made again, and what no rule installs from it."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from contextlib import contextmanager

from image_tools.layer.archive import DEFLATED, Archive, Member
from image_tools.layer.entries import Entry, checked
from image_tools.layer.gzip_members import CHUNK
from image_tools.layer.installed import Site


class Wheel:
    """A wheel whose files were installed in a site of the image."""

    def __init__(self, path: str, site: Site) -> None:
        self._archive, self._site = Archive(path), site
        self._installed = [(site.installed(member.name), member) for member in self._archive.members]
        self._places = {place: member for place, member in self._installed if place and _has_stream(member)}

    def find(self, path: str) -> Member | None:
        """The member that is this file of the image if size and CRC-32 are too, with a DEFLATE stream to be copied."""
        return self._places.get(path)

    def stored(self, member: Member) -> bytes:
        """The compressed bytes of a small member."""
        return self._archive.small(member)

    def stream(self, member: Member) -> Iterator[bytes]:
        """The compressed bytes."""
        return self._archive.stored(member, CHUNK)

    @contextmanager
    def scripts_and_data(self, listed: Container[str], folder: str) -> Iterator[list[Entry]]:
        """The scripts and data files that are not listed yet, unpacked into a folder that is removed in the end."""
        found: list[Entry] = []
        try:
            for place, member in self._missing(listed):
                os.makedirs(folder, exist_ok=True)
                found.append(Entry(place, f"{folder}/{len(found)}"))
                with open(found[-1].source, "wb") as file:
                    file.writelines(self._archive.unpacked(member, CHUNK))
            yield found
        finally:
            for entry in found:
                os.unlink(entry.source)
            if found:
                os.rmdir(folder)

    def _missing(self, listed: Container[str]) -> Iterator[tuple[str, Member]]:
        for place, member in self._installed:
            outside = place and not place.startswith(self._site.root) and not member.name.endswith("/")
            if place and outside and checked(place) not in listed:
                yield place, member

    def close(self) -> None:
        """Gives the file back."""
        self._archive.close()


def _has_stream(member: Member) -> bool:
    return member.size > 0 and member.method == DEFLATED and not member.encrypted
