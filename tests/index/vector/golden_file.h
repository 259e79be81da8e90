/* golden_file.h - sections kept in tests/index/vector/golden/NAME.bin: runs of { 16 bytes name
 * padded with 0, uint64 length, bytes }. */
#ifndef CAIRN_TESTS_INDEX_VECTOR_GOLDEN_FILE_H
#define CAIRN_TESTS_INDEX_VECTOR_GOLDEN_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/index/vector/memory_sections.h"

static inline void golden_path(char *out, size_t n, const char *name)
{
    snprintf(out, n, "%s/tests/index/vector/golden/%s.bin", CAIRN_SOURCE_DIR, name);
}

static inline void write_golden(const memory_sections *mem, const char *file)
{
    char path[1024];

    golden_path(path, sizeof path, file);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (size_t i = 0; i < mem->n; i++) {
        char name[16] = {0};
        uint64_t len = mem->at[i].len;
        memcpy(name, mem->at[i].name, strlen(mem->at[i].name));
        assert_int_equal(fwrite(name, 1, 16, f), 16);
        assert_int_equal(fwrite(&len, 1, 8, f), 8);
        assert_int_equal(fwrite(mem->at[i].data, 1, len, f), len);
    }
    assert_int_equal(fclose(f), 0);
}

static inline void read_golden(memory_sections *mem, const char *file)
{
    char path[1024], name[17] = {0};
    section_sink sink = memory_sink(mem);
    cairn_error err = {0};
    uint64_t len;

    golden_path(path, sizeof path, file);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s is missing", path);
    while (fread(name, 1, 16, f) == 16) {
        assert_int_equal(fread(&len, 1, 8, f), 8);
        assert_true(len < 1 << 20);
        uint8_t *data = malloc(len + 1);
        assert_non_null(data);
        assert_int_equal(fread(data, 1, len, f), len);
        assert_int_equal(sink.begin(sink.ctx, name, &err), 0);
        assert_int_equal(sink.write(sink.ctx, data, len, &err), 0);
        assert_int_equal(sink.end(sink.ctx, &err), 0);
        free(data);
    }
    fclose(f);
}

#endif
