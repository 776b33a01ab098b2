"""The arrays that columns and indexes of pandas hold, as pieces: each with its dtype, none changed.

What a missing value hides in memory is written as zeros: equal arrays give equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sematic.errors import EncodingError
from sematic.types import arrow_ipc, cells, indexes, labels, npy
from sematic.types.base import Json
from sematic.types.pieces import Reader, Writer
from sematic.types.registry import import_class


def problem(array: Any) -> tuple[int | None, str] | None:
    """Why an array cannot be kept: the index of the object at fault, where there is one, and the reason."""
    kind = type(array).__name__
    if kind == "ndarray":
        if array.dtype.hasobject:
            return cells.problem(array) if array.dtype == object else (None, npy.unsupported(array.dtype))
        reason = npy.unsupported(array.dtype)
        return (None, reason) if reason else None
    if type(array).__module__.partition(".")[0] != "pandas" or kind not in _WRITERS:
        way_out = "write astype(object) or numpy.asarray(...), or put what it holds beside the frame"
        return None, f"its dtype {array.dtype} is of another library than pandas; {way_out}"
    return _problem_inside(array, kind)


def _problem_inside(array: Any, kind: str) -> tuple[int | None, str] | None:
    try:
        if kind == "NumpyExtensionArray":
            return problem(array.to_numpy())
        if kind == "Categorical":
            return indexes.problem(array.categories)
        if kind == "IntervalArray":
            return indexes.problem(array.left) or indexes.problem(array.right)
        if kind == "DatetimeArray":
            labels.zone_to_json(array.tz)
        elif kind == "PeriodArray":
            frequency_to_json(array.freq)
        elif kind == "SparseArray":
            labels.to_json(array.fill_value)
            return problem(array.sp_values)
        elif kind == "ArrowExtensionArray":
            arrow_ipc.check(array.dtype.pyarrow_dtype)
    except EncodingError as error:
        return None, str(error)
    return None


def to_json(array: Any, writer: Writer) -> Json:
    """JSON of an array of numpy or pandas whose memory goes to `writer`."""
    return _WRITERS[type(array).__name__](array, writer)


def from_json(data: Json, reader: Reader) -> Any:
    """The array back. Raises ArtifactError, and whatever malformed JSON raises."""
    return _READERS[data[0]](reader, *data[1:])


def of_series(series: Any) -> Any:
    """The array that a Series or Index holds: numpy's own where it is one."""
    array = series.array
    return array.to_numpy() if type(array).__name__ == "NumpyExtensionArray" else array


def frequency_to_json(frequency: Any) -> Json:
    """The text of an offset. Raises EncodingError for one that cannot be told from its text."""
    from pandas.tseries.frequencies import to_offset

    if frequency is None:
        return None
    text = frequency.freqstr
    try:
        same = bool(to_offset(text) == frequency)
    except ValueError:
        same = False
    if not same:
        raise EncodingError(f"its freq {text} cannot be told from this text; write index.freq = None")
    return text


def frequency_from_json(data: Json) -> Any:
    """The offset back."""
    return None if data is None else import_class("pandas.tseries.frequencies:to_offset")(data)


def _numpy_to_json(array: Any, writer: Writer) -> Json:
    if array.dtype == object:
        return ["objects", cells.objects_to_json(array, writer)]
    return ["numpy", writer.array(array)]


def _masked_to_json(array: Any, writer: Writer) -> Json:
    mask = array._mask
    if not mask.any():
        return ["masked", array.dtype.name, writer.array(array._data), None]
    return ["masked", array.dtype.name, writer.piece(npy.write_masked(array._data, mask)), writer.array(mask)]


def _masked(reader: Reader, name: str, data: int, mask: int | None) -> Any:
    import numpy
    import pandas

    values = reader.array(data)
    missing = numpy.zeros(len(values), bool) if mask is None else reader.array(mask)
    dtype = pandas.api.types.pandas_dtype(name)
    return dtype.construct_array_type()(values, missing)


def _strings_to_json(array: Any, writer: Writer) -> Json:
    dtype = array.dtype
    nan = isinstance(dtype.na_value, float)
    if dtype.storage == "pyarrow":
        import pyarrow

        texts = arrow_ipc.table_of(array._pa_array.cast(pyarrow.large_string()))
        return ["strings", "pyarrow", nan, writer.piece(arrow_ipc.write(texts))]
    chunks = (array[start : start + cells._ROWS].to_numpy(object) for start in range(0, len(array), cells._ROWS))
    return ["strings", dtype.storage, nan, cells.texts_to_json(chunks, writer)]


def _strings(reader: Reader, storage: str, nan: bool, data: Json) -> Any:
    import pandas

    if storage == "pyarrow":
        import_class("pyarrow:Table")
    dtype = string_dtype(storage, nan)
    if storage == "pyarrow":
        return dtype.__from_arrow__(_column_of_arrow(reader, data))
    return pandas.array(cells.texts_from_json(data, reader, dtype.na_value), dtype=dtype)


def string_dtype(storage: str, nan: bool) -> Any:
    """A StringDtype. pandas 2 has another class for NaN in texts of Arrow."""
    import numpy
    import pandas

    try:
        return pandas.StringDtype(storage, na_value=numpy.nan if nan else pandas.NA)
    except TypeError:
        return pandas.StringDtype("pyarrow_numpy" if nan else storage)


def _categorical_to_json(array: Any, writer: Writer) -> Json:
    categories = indexes.to_json(array.categories, writer)
    return ["categorical", writer.array(array.codes), categories, bool(array.ordered)]


def _categorical(reader: Reader, codes: int, categories: Json, ordered: bool) -> Any:
    import pandas

    dtype = pandas.CategoricalDtype(indexes.from_json(categories, reader), ordered)
    return pandas.Categorical.from_codes(reader.array(codes), dtype=dtype)


def _datetimes_to_json(array: Any, writer: Writer) -> Json:
    if array.tz is None:
        return ["numpy", writer.array(array.to_numpy())]
    return ["zoned", writer.array(array.asi8), array.unit, labels.zone_to_json(array.tz)]


def _zoned(reader: Reader, counts: int, unit: str, zone: Json) -> Any:
    import pandas

    dtype = pandas.DatetimeTZDtype(unit, labels.zone_from_json(zone))
    return pandas.array(reader.array(counts), dtype=dtype, copy=False)


def _timedeltas_to_json(array: Any, writer: Writer) -> Json:
    return ["numpy", writer.array(array.to_numpy())]


def _periods_to_json(array: Any, writer: Writer) -> Json:
    return ["periods", writer.array(array.asi8), frequency_to_json(array.freq)]


def _periods(reader: Reader, ordinals: int, frequency: str) -> Any:
    import pandas

    return pandas.arrays.PeriodArray(reader.array(ordinals), dtype=pandas.PeriodDtype(frequency_from_json(frequency)))


def _intervals_to_json(array: Any, writer: Writer) -> Json:
    return ["intervals", indexes.to_json(array.left, writer), indexes.to_json(array.right, writer), array.closed]


def _intervals(reader: Reader, left: Json, right: Json, closed: Any) -> Any:
    import pandas

    ends = indexes.from_json(left, reader), indexes.from_json(right, reader)
    return pandas.arrays.IntervalArray.from_arrays(*ends, closed=closed)


def _sparse_to_json(array: Any, writer: Writer) -> Json:
    indices = array.sp_index.to_int_index().indices
    values, fill = writer.array(array.sp_values), labels.to_json(array.fill_value)
    return ["sparse", array.kind, len(array), values, writer.array(indices), fill]


def _sparse(reader: Reader, kind: str, length: int, values: int, indices: int, fill: Json) -> Any:
    import pandas

    index = import_class("pandas._libs.sparse:IntIndex")(length, reader.array(indices))
    data, fill_value = reader.array(values), labels.from_json(fill)
    dtype = pandas.SparseDtype(data.dtype, fill_value)
    index = index.to_block_index() if kind == "block" else index
    return pandas.arrays.SparseArray(data, sparse_index=index, fill_value=fill_value, dtype=dtype)


def _arrow_to_json(array: Any, writer: Writer) -> Json:
    return ["arrow", writer.piece(arrow_ipc.write(arrow_ipc.table_of(array._pa_array)))]


def _arrow(reader: Reader, piece: int) -> Any:
    import pandas

    return pandas.arrays.ArrowExtensionArray(_column_of_arrow(reader, piece))


def _column_of_arrow(reader: Reader, piece: int) -> Any:
    import_class("pyarrow:Table")
    return arrow_ipc.read(reader.bytes(piece)).column(0)


_WRITERS: dict[str, Callable[[Any, Writer], Json]] = {
    "ndarray": _numpy_to_json,
    "NumpyExtensionArray": lambda array, writer: _numpy_to_json(array.to_numpy(), writer),
    "IntegerArray": _masked_to_json,
    "FloatingArray": _masked_to_json,
    "BooleanArray": _masked_to_json,
    "StringArray": _strings_to_json,
    "StringArrayNumpySemantics": _strings_to_json,
    "ArrowStringArray": _strings_to_json,
    "ArrowStringArrayNumpySemantics": _strings_to_json,
    "Categorical": _categorical_to_json,
    "DatetimeArray": _datetimes_to_json,
    "TimedeltaArray": _timedeltas_to_json,
    "PeriodArray": _periods_to_json,
    "IntervalArray": _intervals_to_json,
    "SparseArray": _sparse_to_json,
    "ArrowExtensionArray": _arrow_to_json,
}
_READERS: dict[str, Callable[..., Any]] = {
    "numpy": lambda reader, number: reader.array(number),
    "objects": lambda reader, data: cells.objects_from_json(data, reader),
    "masked": _masked,
    "strings": _strings,
    "categorical": _categorical,
    "zoned": _zoned,
    "periods": _periods,
    "intervals": _intervals,
    "sparse": _sparse,
    "arrow": _arrow,
}
