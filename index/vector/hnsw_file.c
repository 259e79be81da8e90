/* hnsw_file.c - write and open the sections of a graph.
 *
 * Integers and floats are little-endian. "hnsw.meta", 32 bytes, all uint32:
 *
 *   at  field
 *   0   version, 3
 *   4   m: links a row on the layers above 0, HNSW_MIN_M .. HNSW_MAX_M; 2 m on layer 0
 *   8   entry row
 *   12  its layer, the highest
 *   16  lists of the upper layers in "hnsw.up"
 *   20  1 when the graph has walk codes of its own, else 0
 *   24  rows that merges took out since the graph was built afresh, UINT32_MAX: that many or more
 *   28  written 0, refused if not 0
 *
 *   "hnsw.level" rows x uint8: the row's highest layer
 *   "hnsw.upat"  rows x uint32: where the row's lists of layers 1, 2, .. level begin in "hnsw.up",
 *                counted in lists
 *   "hnsw.link0" rows x 2 m uint32: neighbours on layer 0, then padding of 0xffffffff
 *   "hnsw.up"    lists x m uint32: the same on the upper layers
 *   "hnsw.i4"    with walk codes: rows x code bytes, 4-bit codes like "vec.i4", made of the decoded
 * int8 codes (hnsw_codes.c) "hnsw.i4s"   with walk codes: rows x float, their scales. Their biases
 * under L2 are "vec.bias"
 *
 * Version 2 has 0 at 24, as a graph without repairs has. Version 1 has no field at 20 and no walk
 * codes either; before it, the graph's fields stood in version 1 of "vec.meta" (vector_format.h).
 * All are read. To change the format: add version 4, keep reading these, add a golden file to
 * tests/index/vector/golden/. */
#include "base/checked.h"
#include "index/vector/vector_format.h"

#define HNSW_META_VERSION 3u
#define HNSW_META_BYTES   32u

static cairn_status read_head(const section_source *src, hnsw_head *h, cairn_error *err)
{
    const uint8_t *data;
    size_t len;
    cursor c;

    if (!src->find(src->ctx, "hnsw.meta", &data, &len))
        return cairn_fail(err, CAIRN_ECORRUPT, "section hnsw.meta is missing");
    cursor_init(&c, data, len);
    uint32_t version;
    cairn_status st = vector_meta_version("hnsw.meta", &c, HNSW_META_VERSION, &version, err);
    if (st)
        return st;
    if (len != HNSW_META_BYTES)
        return cairn_fail(err, CAIRN_ECORRUPT, "section hnsw.meta has %zu bytes, not %u", len,
                          HNSW_META_BYTES);
    h->m = cursor_u32(&c);
    h->entry = cursor_u32(&c);
    h->max_level = cursor_u32(&c);
    h->up_lists = cursor_u32(&c);
    h->walk = cursor_u32(&c);
    h->removed = cursor_u32(&c);
    if (h->walk > (version > 1) || (h->removed && version < 3) || cursor_u32(&c) != 0)
        return cairn_fail(err, CAIRN_ECORRUPT, "section hnsw.meta holds impossible values");
    return CAIRN_OK;
}

cairn_status hnsw_open(hnsw_graph *out, const section_source *src, const vector_codes *codes,
                       const hnsw_head *head, cairn_error *err)
{
    hnsw_head h = head ? *head : (hnsw_head){0};
    uint32_t rows = codes->rows;
    hnsw_graph g = {.rows = rows};
    cairn_status st = head ? CAIRN_OK : read_head(src, &h, err);

    if (st)
        return st;
    if (rows == 0 || h.m < HNSW_MIN_M || h.m > HNSW_MAX_M || h.entry >= rows ||
        h.max_level > HNSW_MAX_LEVEL || (h.walk && codes->kind != VECTOR_CODE_I8))
        return cairn_fail(err, CAIRN_ECORRUPT, "section %s describes an impossible graph",
                          head ? "vec.meta" : "hnsw.meta");
    g.m = h.m;
    g.entry = h.entry;
    g.max_level = h.max_level;
    g.removed = h.removed;
    g.up_lists = h.up_lists;
    const vector_section sections[] = {
        {true, "hnsw.level", rows, 1, 1, &g.level},
        {true, "hnsw.upat", rows, 4, 4, &g.up_at},
        {true, "hnsw.link0", rows, (size_t)8 * h.m, 4, &g.link0},
        {true, "hnsw.up", h.up_lists, (size_t)4 * h.m, 4, &g.up},
        {h.walk, "hnsw.i4", rows, vector_stride(VECTOR_CODE_I4, codes->dim), 1, &g.walk_code},
        {h.walk, "hnsw.i4s", rows, 4, 4, &g.walk_scale},
    };
    st = vector_take_sections(src, sections, sizeof sections / sizeof *sections, err);
    if (st)
        return st;
    *out = g;
    return CAIRN_OK;
}

vector_codes hnsw_codes_to_walk(const hnsw_graph *g, const vector_codes *codes)
{
    if (!g->walk_code)
        return *codes;
    vector_codes walk = hnsw_walk_codes_of(codes);
    walk.rows = codes->rows;
    walk.code = g->walk_code;
    walk.scale = g->walk_scale;
    walk.bias = codes->bias;
    return walk;
}

cairn_status hnsw_put(const hnsw_graph *g, const vector_codes *codes, const section_sink *sink,
                      cairn_error *err)
{
    bool walk = g->walk_code && codes->kind == VECTOR_CODE_I8;
    const uint32_t meta[HNSW_META_BYTES / 4] = {HNSW_META_VERSION, g->m, g->entry,  g->max_level,
                                                g->up_lists,       walk, g->removed};
    size_t n = g->rows, stride = vector_stride(VECTOR_CODE_I4, codes->dim);
    cairn_status st = vector_put_section(sink, "hnsw.meta", meta, sizeof meta, err);

    if (!st)
        st = vector_put_section(sink, "hnsw.level", g->level, n, err);
    if (!st)
        st = vector_put_section(sink, "hnsw.upat", g->up_at, n * 4, err);
    if (!st)
        st = vector_put_section(sink, "hnsw.link0", g->link0, n * 2 * g->m * 4, err);
    if (!st)
        st = vector_put_section(sink, "hnsw.up", g->up, (size_t)g->up_lists * g->m * 4, err);
    if (!st && walk)
        st = vector_put_section(sink, "hnsw.i4", g->walk_code, n * stride, err);
    if (!st && walk)
        st = vector_put_section(sink, "hnsw.i4s", g->walk_scale, n * 4, err);
    return st;
}
