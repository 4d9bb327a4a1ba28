"""`python -m bot rotate-keys`: write all texts in the database with the first key, or without one."""

from __future__ import annotations

from rich.console import Console

from bot.app import REQUESTS
from bot.errors import SettingsError
from bot.locales.message import later
from bot.locales.values import later_whole
from bot.settings import Settings
from bot.storage.database import FAILURES, Database
from bot.storage.encryption import Cipher, use_cipher
from bot.storage.opening import open_there
from bot.storage.rotation import Rotated, Rotation

NO_KEYS = later("STORAGE_KEYS is not set, so there is no key to encrypt with. Make one with `python -m bot new-key`.")
NOTHING = "There is no database in CACHE_DIR yet, so there is nothing to encrypt."
FAILED = later(
    "The database could not be read or written. What was done so far is kept: run the command again to go on. "
    "Check that nobody has removed the file, and that the disk is not full."
)


async def rotate_keys(settings: Settings, console: Console, decrypt: bool) -> None:
    """Write everything anew, and print how much that was. The bot may run meanwhile.

    Args:
        decrypt: write the texts as they are, so that STORAGE_KEYS can be removed.

    Raises:
        SettingsError: there is no key or no database, or it can't be used.
    """
    cipher = Cipher(settings.storage_key_list)
    if not cipher.is_on:
        raise SettingsError(NO_KEYS)
    try:
        done = await _rotate(settings, console, cipher, Cipher() if decrypt else cipher)
    except FAILURES:
        raise SettingsError(FAILED) from None
    console.print(f"{done.written:,} texts were {'decrypted' if decrypt else 'encrypted with the first key'}.")
    if done.unreadable:
        raise SettingsError(
            later(
                "{unreadable} texts cannot be read, because their key is not among STORAGE_KEYS. Add it and run the "
                "command again; or leave them, and they are deleted when they are 30 days old.",
                unreadable=later_whole(done.unreadable),
            )
        )


async def _rotate(settings: Settings, console: Console, cipher: Cipher, target: Cipher) -> Rotated:
    url, path = settings.database_url, settings.cache_dir / REQUESTS
    if url is None and not path.exists():  # nothing else runs
        raise SettingsError(NOTHING)
    database: Database = await open_there(path, None if url is None else url.get_secret_value())
    use_cipher(database.events, cipher)
    try:
        with console.status("Reading …") as status:
            return await Rotation(database, cipher, target).rotate(
                lambda done: status.update(f"{done.written:,} texts written anew …")
            )
    finally:
        await database.close()
