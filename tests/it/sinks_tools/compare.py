# Runs the calls in the documentation of a sink, and compares what they read with what was written.
# Arguments: a JSON file with the calls, and a folder with `expected.json` for each set of rows.
import collections
import datetime
import json
import os
import sys

Read = collections.namedtuple("Read", "keys rows")


# The rows of whatever a tool calls a table
def read(table):
    module = type(table).__module__.split(".")[0]
    if "duckdb" in module:
        return Read(table.columns, table.fetchall())
    if module == "pandas":
        return Read(list(table.columns), list(table.itertuples(index=False, name=None)))
    if module == "polars":
        return Read(table.columns, table.rows())
    if module == "datasets":
        if "image" in table.column_names:
            assert table[len(table) - 1]["image"].size == (1, 1)
            table = table.remove_columns("image")
        return Read(table.column_names, [tuple(row.values()) for row in table])
    if module == "sqlite3":
        return Read([column[0] for column in table.description], table.fetchall())
    keys = list(table[0])
    assert all(list(row) == keys for row in table), "rows have different keys"
    return Read(keys, [tuple(row.values()) for row in table])


# The value as it is, except that an absent one counts as an empty text, a time as its RFC 3339 text,
# and the three forms of a truth value as one
def value(key, cell):
    if cell is None or cell != cell:
        return ""
    if key == "is_current":
        return cell in (True, 1, "true")
    if isinstance(cell, datetime.datetime):
        assert cell.utcoffset() is not None, cell
        cell = cell.astimezone(datetime.timezone.utc)
        return cell.strftime("%Y-%m-%dT%H:%M:%S.") + f"{cell.microsecond // 1000:03}Z"
    return cell.item() if type(cell).__module__ == "numpy" else cell


def count(keys, rows, wanted):
    at = [keys.index(key) for key in wanted]
    # With its type, since 1, 1.0 and True are equal.
    cells = (((value(key, row[i])) for key, i in zip(wanted, at)) for row in rows)
    return collections.Counter(tuple((type(cell).__name__, cell) for cell in row) for row in cells)


def compare(table, expected):
    keys, rows = read(table)
    # ImageFolder replaces the column by the images.
    wanted = [key for key in expected["keys"] if key != "file_name" or key in keys]
    found, expected = count(keys, rows, wanted), count(expected["keys"], expected["rows"], wanted)
    return [repr(row) for row in [*(found - expected), *(expected - found)][:6]]


with open(sys.argv[1], encoding="utf-8") as file:
    calls = json.load(file)
results = []
for folder in sys.argv[2:]:
    os.chdir(folder)
    with open("expected.json", encoding="utf-8") as file:
        expected = json.load(file)
    for call in calls:
        names = {}
        exec(call, names)
        different = compare(names["table"], expected)
        if different:
            results.append({"rows": expected["name"], "call": call, "different": different})
print(json.dumps(results))
