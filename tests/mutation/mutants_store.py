"""One-line faults in the store, as tests/mutation/test_plumbing.py reads them: file, line, what stands in its place, the
rule that is broken, the test that has to notice."""

MUTANTS = [
    ("daemon/store/outbox.c", "WHERE state=0 AND id>?1 AND id<?2 ORDER BY id LIMIT", "WHERE state=0 AND id>?1 AND id<?2 ORDER BY id DESC LIMIT",
     "pending messages are read in their order", "unit:delivery"),
    ("daemon/store/outbox.c", "UPDATE outbox SET state=2, ended_ms=?2, reason=?3 WHERE id=?1", "UPDATE outbox SET state=1, ended_ms=?2, reason=?3 WHERE id=?1",
     "a parked message is not done", "unit:delivery"),
    ("daemon/store/raw_read.c", "return chunk.data && crc32(0, chunk.data, (uInt)chunk.size) == (uint32_t)sqlite3_column_int64(row, 7);",
     "return chunk.data != NULL;", "a chunk with a wrong CRC is damage", "unit:store"),
    ("daemon/store/aggregate_pack.c", "return data && crc32(0, data, (uInt)size) == (uint32_t)sqlite3_column_int64(row, column) &&",
     "return data &&", "a packed day with a wrong CRC is damage", "unit:aggregate"),
    ("daemon/store/numbers.c", "return memcmp(text, expected, SIZE) == 0;", "return true;",
     "damaged numbers are not believed", "unit:state"),
    ("daemon/store/numbers.c", "numbers->event = event > numbers->event ? event : numbers->event;", "numbers->event = event;",
     "the highest number stays", "unit:state"),
    ("daemon/store/space.c", "if (r == 0 && wanted && strcmp(names[i]->d_name, first_kept) < 0) {", "if (r == 0 && wanted) {",
     "the newest days stay whatever the quota says", "unit:store"),
    ("daemon/store/space.c", "return store_raw_is_file(entry) && !store_raw_is_undated(entry->d_name);", "return store_raw_is_file(entry);",
     "readings without a date are not deleted", "unit:relabel"),
]
