"""DuckDB extensions from the installed packages, without a download."""

from __future__ import annotations

import duckdb

_BACKENDS = {"sqlite": "sqlite_scanner", "postgres": "postgres_scanner"}
_checked: set[str] = set()
"""Extensions whose signature this process has checked."""


def connect(catalog: str) -> duckdb.DuckDBPyConnection:
    """An in-memory connection with DuckLake and the catalogue's extension.

    An extension is what is installed, else the packaged file, else from the network. DuckDB checks the signature of its
    file at every load, a tenth of a second each; here the first connection of a process checks, and later ones take the
    same files.

    Args:
        catalog: ``sqlite:...`` or ``postgres:...``.

    Raises:
        ValueError: The catalogue is of another kind.
        RuntimeError: An extension could be had in none of the three ways; the message says which, and what to do.
    """
    wanted = _wanted(catalog)
    con = duckdb.connect(config={"allow_unsigned_extensions": wanted <= _checked})
    try:
        load_extensions(con, catalog)
    except BaseException:
        con.close()
        raise
    return con


def load_extensions(con: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Give a connection DuckLake and the catalogue's extension; arguments and errors as in `connect`."""
    wanted = _wanted(catalog)
    con.execute("set autoinstall_known_extensions = false")
    for name in sorted(wanted):
        _load(con, name)
    _checked.update(wanted)


def _wanted(catalog: str) -> set[str]:
    kind = catalog.split(":", 1)[0]
    if kind not in _BACKENDS:
        raise ValueError(f"lake catalogue {catalog!r} must start with one of {sorted(_BACKENDS)} and a colon")
    return {"ducklake", _BACKENDS[kind]}


def _load(con: duckdb.DuckDBPyConnection, name: str) -> None:
    try:
        con.load_extension(name)
        return
    except duckdb.Error as error:
        reasons = [f"load: {error}"]
    try:
        from duckdb_extensions import import_extension

        import_extension(name, force_install=True)  # one that is there but does not load is damaged
        con.load_extension(name)
        return
    except (ImportError, OSError, ValueError, RuntimeError, duckdb.Error) as error:
        reasons.append(f"packaged file: {error}")
    try:
        con.install_extension(name, force_install=True)
        con.load_extension(name)
    except duckdb.Error as error:
        reasons.append(f"network: {error}")
        package = f"duckdb-extension-{name.replace('_', '-')}"
        tried = "; ".join(reason.splitlines()[0] for reason in reasons)
        raise RuntimeError(
            f"DuckDB {duckdb.__version__} cannot load extension {name} ({tried}). "
            f"Install it with: pip install {package}=={duckdb.__version__}"
        ) from error
