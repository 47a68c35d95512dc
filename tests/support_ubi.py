"""Small logs in the standard of User Behavior Insights, written the ways they come."""

import gzip
import json

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from uniscale.sources.ubi import UbiMapping, map_records
from uniscale.sources.ubi_files import load_records, ubi_parts


def query(query_id="q1", text="lamp", at="2026-01-05T10:00:00.000Z", client="c1", hits=None, **more):
    """A record of ubi_queries."""
    return {"application": "shop", "query_id": query_id, "client_id": client, "user_query": text, "timestamp": at,
            **({} if hits is None else {"query_response_hit_ids": hits}), **more}  # fmt: skip


def event(name="impression", item="i1", place=1, query_id="q1", at="2026-01-05T10:00:00.100Z", **more):
    """A record of ubi_events."""
    described = {"object_id": item, "object_id_field": "sku"}
    client = more.pop("client", "c1")
    if "description" in more:
        described["description"] = more.pop("description")
    return {"application": "shop", "action_name": name, "query_id": query_id, "client_id": client, "timestamp": at,
            "event_attributes": {"object": described, "position": {"ordinal": place}}, **more}  # fmt: skip


def write_bulk(path, records):
    """A bulk file: before every record a line that names its index. Text is written as it is."""
    lines = []
    for record in records:
        text = record if isinstance(record, str) else json.dumps(record)
        index = "ubi_events" if "action_name" in text else "ubi_queries"
        lines += [json.dumps({"index": {"_index": index}}), text]
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_dumps(folder, records, how):
    """Both indices as dumps: ``lines`` of records, ``sources`` (elasticdump), ``structs`` or ``texts`` (Parquet)."""
    folder.mkdir()
    for name in ("ubi_queries", "ubi_events"):
        chosen = [r for r in records if ("action_name" in r) == (name == "ubi_events")]
        if how == "lines":
            text = "\ufeff" + "".join(json.dumps(r) + "\r\n" for r in chosen)
            (folder / f"{name}.jsonl").write_text(text)
        elif how == "sources":
            told = [{"_index": name, "_id": str(k), "_source": r} for k, r in enumerate(chosen)]
            with gzip.open(folder / f"{name[4:5]}.json.gz", "wt") as stream:
                stream.write("\n".join(json.dumps(r) for r in told))
        else:
            if how == "texts":
                chosen = [
                    {k: json.dumps(v) if isinstance(v, (dict, list)) else v for k, v in r.items()} for r in chosen
                ]
            (folder / name).mkdir()
            names = list(dict.fromkeys(key for r in chosen for key in r))
            columns = {key: pa.array([r.get(key) for r in chosen]) for key in names}
            pq.write_table(pa.table(columns), folder / name / "part-0.PARQUET")
    return folder


def mapped(path, **mapping):
    """A connection with the views over the records of ``path``; no lake is needed."""
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    load_records(con, ubi_parts(path))
    map_records(con, UbiMapping(**mapping))
    return con


def rows(con, sql):
    return con.execute(sql).fetchall()
