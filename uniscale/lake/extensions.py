"""DuckDB extensions from the installed packages, without a download."""

from __future__ import annotations

import duckdb


def ensure_extensions(con: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Load DuckLake and the catalogue's extension: what is installed, else the packaged file, else from the network.

    Args:
        con: An open connection.
        catalog: ``sqlite:...`` or ``postgres:...``.

    Raises:
        RuntimeError: An extension could be had in none of the three ways; the message says which and how to mend it.
    """
    con.execute("set autoinstall_known_extensions = false")
    kind = catalog.split(":", 1)[0]
    backends = {"sqlite": "sqlite_scanner", "postgres": "postgres_scanner"}
    if kind not in backends:
        raise ValueError(f"lake catalogue {catalog!r} must start with one of {sorted(backends)} and a colon")
    for name in ("ducklake", backends[kind]):
        _load(con, name)


def _load(con: duckdb.DuckDBPyConnection, name: str) -> None:
    try:
        con.load_extension(name)
        return
    except duckdb.Error as error:
        reasons = [f"load: {error}"]
    try:
        from duckdb_extensions import import_extension

        import_extension(name)
        con.load_extension(name)
        return
    except (ImportError, OSError, ValueError, RuntimeError, duckdb.Error) as error:
        reasons.append(f"packaged file: {error}")
    try:
        con.install_extension(name)
        con.load_extension(name)
    except duckdb.Error as error:
        reasons.append(f"network: {error}")
        package = f"duckdb-extension-{name.replace('_', '-')}"
        tried = "; ".join(reason.splitlines()[0] for reason in reasons)
        raise RuntimeError(
            f"DuckDB {duckdb.__version__} cannot load extension {name} ({tried}). "
            f"Install it with: pip install {package}=={duckdb.__version__}"
        ) from error
