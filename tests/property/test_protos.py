"""Values and keys encoded a column at a time are the bytes that Feast writes one by one."""

import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("feast")

from feast import ValueType
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import python_values_to_proto_values
from google.protobuf.timestamp_pb2 import Timestamp

from uniscale.features.online.protos import encode_keys, encode_moments, encode_values

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
INT64, INT32 = st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1)
FLOAT = st.floats(allow_nan=False, width=32)
DOUBLE = st.floats(allow_nan=False)
TYPES = {
    "VARCHAR": (TEXT, pa.string(), ValueType.STRING),
    "BIGINT": (INT64, pa.int64(), ValueType.INT64),
    "INTEGER": (INT32, pa.int32(), ValueType.INT32),
    "DOUBLE": (DOUBLE, pa.float64(), ValueType.DOUBLE),
    "FLOAT": (FLOAT, pa.float32(), ValueType.FLOAT),
    "BOOLEAN": (st.booleans(), pa.bool_(), ValueType.BOOL),
    "VARCHAR[]": (st.lists(TEXT, max_size=5), pa.list_(pa.string()), ValueType.STRING_LIST),
    "BIGINT[]": (st.lists(INT64, max_size=40), pa.list_(pa.int64()), ValueType.INT64_LIST),
    "DOUBLE[]": (st.lists(DOUBLE, max_size=40), pa.list_(pa.float64()), ValueType.DOUBLE_LIST),
    "FLOAT[]": (st.lists(FLOAT, max_size=5), pa.list_(pa.float32()), ValueType.FLOAT_LIST),
}


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
def test_a_value_is_encoded_as_feast_does(name, data):
    values, arrow, feast_type = TYPES[name]
    column = data.draw(st.lists(st.none() | values, min_size=1, max_size=8))
    expected = [
        value.SerializeToString() for row in column for value in python_values_to_proto_values([row], feast_type)
    ]

    assert encode_values(pa.array(column, arrow)).to_pylist() == expected
    assert encode_values(pa.array([None, *column], arrow).slice(1)).to_pylist() == expected


@given(st.lists(st.none() | st.datetimes(datetime.datetime(1970, 1, 1)), max_size=5))
def test_a_time_stamp_is_its_seconds(moments):
    # In whole numbers: as a float, a time far ahead is rounded up to the next second.
    since, second = datetime.datetime(1970, 1, 1), datetime.timedelta(seconds=1)
    seconds = [Value() if at is None else Value(unix_timestamp_val=(at - since) // second) for at in moments]

    encoded = encode_values(pa.array(moments, pa.timestamp("us")))
    assert encoded.to_pylist() == [value.SerializeToString() for value in seconds]


@given(st.lists(st.datetimes(datetime.datetime(1970, 1, 1, 0, 0, 1)), min_size=1, max_size=5))
def test_a_moment_is_encoded_as_protobuf_does(moments):
    expected = []
    for moment in moments:
        stamp = Timestamp()
        stamp.FromDatetime(moment)
        expected.append(stamp.SerializeToString())

    assert encode_moments(pa.array(moments, pa.timestamp("us"))).to_pylist() == expected


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8))
def test_an_entity_key_is_serialised_as_feast_does(pairs):
    names = ("user_id", "category_id")
    expected = [
        serialize_entity_key(
            EntityKey(join_keys=names, entity_values=[Value(string_val=text) for text in pair]),
            entity_key_serialization_version=3,
        )
        for pair in pairs
    ]
    columns = list(zip(names, (pa.array(list(column)) for column in zip(*pairs, strict=True)), strict=True))

    assert encode_keys(columns).to_pylist() == expected


def test_a_list_with_a_null_is_refused():
    with pytest.raises(ValueError, match="a list of features holds a NULL"):
        encode_values(pa.array([["a", None]]))
    with pytest.raises(ValueError, match="no value for columns of type"):
        encode_values(pa.array([{"a": 1}]))
