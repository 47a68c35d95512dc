"""The lake's catalogue as people write it, with its password taken out of everything that may be shown."""

from __future__ import annotations

from pydantic import SecretStr


def split_password(catalog: str) -> tuple[str, SecretStr | None]:
    """Part ``kind:location`` into what may be shown and what may not.

    Args:
        catalog: ``sqlite:PATH`` or ``postgres:DSN``; a DSN is ``host=... dbname=...`` or ``postgresql://...``.

    Returns:
        The catalogue without a password, which PostgreSQL still understands, and the password if there was one.

    Raises:
        ValueError: The DSN cannot be read, or holds the password of a key file.
    """
    kind, _, location = catalog.partition(":")
    if kind != "postgres" or ("password" not in location.lower() and "@" not in location):
        return catalog, None
    try:
        from psycopg2 import ProgrammingError
        from psycopg2.extensions import make_dsn, parse_dsn
    except ImportError:
        raise ValueError("a PostgreSQL catalogue needs psycopg2: pip install 'uniscale[postgres]'") from None
    try:
        parts: dict[str, str] = parse_dsn(location)
    except ProgrammingError:  # its message quotes the DSN
        raise ValueError(
            "lake.catalog cannot be read as a PostgreSQL DSN; write postgres:dbname=lake host=HOST user=NAME, put a "
            "value with spaces or quotes between single quotes (\\' is a quote), and the password into "
            "UNISCALE_LAKE__CATALOG_PASSWORD"
        ) from None
    if "sslpassword" in parts:
        raise ValueError("lake.catalog holds sslpassword, which would be shown; keep the key file without a password")
    password = parts.pop("password", None)
    return f"postgres:{make_dsn(**parts)}", None if password is None else SecretStr(password)
