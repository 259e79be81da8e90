/* check.c - is everything that was committed still there and whole?
 *
 * 1. the LMDB file: form of every page, order of the keys, no page used twice (tree_check);
 * 2. every record: checksum, form, and that what it names exists; counters against what was found;
 * 3. every segment: header, table of contents, size and checksum against the manifest; with `deep`
 *    each section's bytes, the padding, and each living row's chunk and document.
 *
 * Step 2 is left out when step 1 found the tree broken: its findings would be echoes. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "store/room.h"

typedef struct check {
    store *s;
    const tree *t;
    record_state state;
    store_problem_fn *fn;
    void *ctx;
    uint64_t problems;
    bool no_memory; /* something could not be looked at */
    cairn_error first;
    store_counts found;
    arena scratch;
} check;

__attribute__((format(printf, 4, 5))) static void problem(check *c, const char *file,
                                                          const char *part, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (c->problems++ == 0)
        cairn_fail(&c->first, CAIRN_ECORRUPT, "%s: %s: %s", file, part, text);
    if (c->fn)
        c->fn(c->ctx, &(store_problem){.file = file, .part = part, .text = text});
}

static void page_problem(void *ctx, uint64_t page, const char *text)
{
    check *c = ctx;
    char part[40];

    snprintf(part, sizeof part, page ? "page %" PRIu64 : "file", page);
    problem(c, c->t->path, part, "%s", text);
}

/* ---- records ---- */

static void record_problem(check *c, const tree_cursor *at, const char *text)
{
    char part[80];
    uint8_t table = at->key[0];

    if (at->key_len == 13)
        snprintf(part, sizeof part, "record %c %" PRIu64 "/%" PRIu32, table,
                 record_key_tail64(at->key, 9), record_key_tail32(at->key, 13));
    else if (table == RECORD_URI || table == RECORD_FAILURE || table == RECORD_META)
        snprintf(part, sizeof part, "record %c \"%.*s\"", table,
                 at->key_len > 60 ? 60 : (int)at->key_len - 1, (const char *)at->key + 1);
    else
        snprintf(part, sizeof part, "record %c %" PRIu64, table,
                 record_key_tail64(at->key, at->key_len));
    problem(c, c->t->path, part, "%s", text);
}

/* Is there a record, and (want != 0) does it hold this id? */
static bool points_to(check *c, const record_key *k, uint64_t want)
{
    const uint8_t *v;
    size_t n;
    uint64_t id;

    if (store_tree_get(c->t, k, &v, &n, NULL))
        return false;
    return want == 0 || (record_get_id(v, n, &id) && id == want);
}

static bool has(check *c, uint8_t table, uint64_t id)
{
    record_key k = record_key_id(table, id);
    return points_to(c, &k, 0);
}

static void check_doc(check *c, const tree_cursor *at, const uint8_t *v, size_t n)
{
    store_doc d;
    bool no_memory;
    static const uint8_t zero[16];
    doc_id id = record_key_tail64(at->key, at->key_len);
    tree_cursor o;
    uint32_t chunks = 0;

    c->found.docs++;
    if (!record_get_doc(v, n, &d, &c->scratch, &no_memory)) {
        if (no_memory)
            c->no_memory = true;
        else
            record_problem(c, at, "it does not parse");
        return;
    }
    record_key k = record_key_path(RECORD_URI, d.uri);
    if (!points_to(c, &k, id))
        record_problem(c, at, "its uri does not lead to it");
    k = record_key_hash(d.hash, id);
    if (memcmp(d.hash, zero, 16) && !points_to(c, &k, 0))
        record_problem(c, at, "its hash does not lead to it");
    k = record_key_id2(RECORD_ORDER, id, 0);
    cairn_status st = tree_seek(&o, c->t, k.b, k.n, NULL);
    for (; !st && !o.end && o.key_len == 13 && !memcmp(o.key, k.b, 9); st = tree_next(&o, NULL))
        chunks++;
    if (chunks != d.n_chunks)
        record_problem(c, at, "it has another number of chunks than it says");
}

static void check_chunk(check *c, const tree_cursor *at, const uint8_t *v, size_t n)
{
    store_chunk ch;
    record_text text;
    bool no_memory;
    cairn_error err;
    chunk_id id = record_key_tail64(at->key, at->key_len);

    c->found.chunks++;
    if (!record_get_chunk(v, n, &ch, &text, NULL, &no_memory)) {
        record_problem(c, at, "it does not parse");
        return;
    }
    c->found.text_bytes += ch.text_len;
    record_key k = record_key_id2(RECORD_ORDER, ch.doc, ch.ordinal);
    if (!points_to(c, &k, id))
        record_problem(c, at, "its document does not list it");
    char *dst = malloc(ch.text_len + 1);
    if (!dst) {
        c->no_memory = true;
        return;
    }
    cairn_status st = text_expand(&c->s->text, c->t, id, &text, dst, ch.text_len, &err);
    if (st == CAIRN_ENOMEM)
        c->no_memory = true;
    else if (st)
        record_problem(c, at, "its text does not unpack");
    free(dst);
}

static void check_link(check *c, const tree_cursor *at, const uint8_t *v, size_t n)
{
    uint64_t id = 0;

    switch (at->key[0]) {
    case RECORD_URI:
        if (!record_get_id(v, n, &id) || !has(c, RECORD_DOC, id))
            record_problem(c, at, "it leads to no document");
        break;
    case RECORD_HASH:
        if (at->key_len != 25 || !has(c, RECORD_DOC, record_key_tail64(at->key, at->key_len)))
            record_problem(c, at, "it leads to no document");
        break;
    case RECORD_ORDER:
        if (at->key_len != 13 || !record_get_id(v, n, &id) || !has(c, RECORD_CHUNK, id) ||
            !has(c, RECORD_DOC, record_key_tail64(at->key, 9)))
            record_problem(c, at, "it joins no document to no chunk");
        break;
    case RECORD_PENDING:
        c->found.pending++;
        if (!has(c, RECORD_CHUNK, record_key_tail64(at->key, at->key_len)))
            record_problem(c, at, "it names no chunk");
        break;
    case RECORD_TOMBSTONE:
        if (at->key_len != 13 || !has(c, RECORD_SEGMENT, record_key_tail64(at->key, 9)))
            record_problem(c, at, "it names no segment");
        break;
    case RECORD_FAILURE:
        c->found.failures++;
        break;
    case RECORD_STATE:
    case RECORD_META:
    case RECORD_SEGMENT:
    case RECORD_DICT:
        break;
    default:
        record_problem(c, at, "it belongs to no table");
    }
}

static void count_problem(check *c, const char *what, uint64_t counted, uint64_t stored)
{
    if (counted != stored)
        problem(c, c->t->path, "counters", "%" PRIu64 " %s found, %" PRIu64 " counted", counted,
                what, stored);
}

static cairn_status check_records(check *c, cairn_error *err)
{
    tree_cursor at;
    chunk_id last_chunk = 0;
    doc_id last_doc = 0;
    cairn_status st = tree_seek(&at, c->t, "", 0, err);

    for (; !st && !at.end; st = tree_next(&at, err)) {
        size_t n = at.value_len;
        arena_reset(&c->scratch);
        if (record_open(c->t->path, at.key, at.key_len, at.value, &n, NULL)) {
            record_problem(c, &at, "its checksum is wrong");
            continue;
        }
        if (at.key[0] == RECORD_DOC) {
            last_doc = record_key_tail64(at.key, at.key_len);
            check_doc(c, &at, at.value, n);
        } else if (at.key[0] == RECORD_CHUNK) {
            last_chunk = record_key_tail64(at.key, at.key_len);
            check_chunk(c, &at, at.value, n);
        } else {
            check_link(c, &at, at.value, n);
        }
    }
    if (st)
        return st;
    count_problem(c, "documents", c->found.docs, c->state.counts.docs);
    count_problem(c, "chunks", c->found.chunks, c->state.counts.chunks);
    count_problem(c, "bytes of text", c->found.text_bytes, c->state.counts.text_bytes);
    count_problem(c, "chunks waiting for a vector", c->found.pending, c->state.counts.pending);
    count_problem(c, "failures", c->found.failures, c->state.counts.failures);
    if (last_doc >= c->state.next_doc || last_chunk >= c->state.next_chunk)
        problem(c, c->t->path, "counters", "an id is in use that was not given out yet");
    return CAIRN_OK;
}

/* ---- segments ---- */

static void check_rows(check *c, const store_segment *seg, const segment_file *f)
{
    for (uint32_t row = 0; row < seg->n_rows; row++) {
        chunk_id id = segment_row_chunk(f, row);
        uint32_t back;
        if (!segment_chunk_row(f, id, &back) || back != row) {
            problem(c, segment_file_path(f), "row tables",
                    "row %" PRIu32 " cannot be found by its "
                    "chunk",
                    row);
            return;
        }
        if (seg->deleted && row_set_has(seg->deleted, row))
            continue;
        if (!has(c, RECORD_CHUNK, id)) {
            problem(c, segment_file_path(f), "row tables",
                    "row %" PRIu32 " is alive, but its chunk "
                    "%" PRIu64 " is not stored",
                    row, id);
            return;
        }
        if (!has(c, RECORD_DOC, segment_row_doc(f, row))) {
            problem(c, segment_file_path(f), "row tables",
                    "row %" PRIu32 " is alive, but its "
                    "document is not stored",
                    row);
            return;
        }
    }
}

static void check_segment(check *c, const store_segment *seg, const record_segment *rec, bool deep,
                          bool *vanished)
{
    cairn_error err = {0};
    segment_file *f;
    char *path = store_segment_path(c->s, seg->id, "seg");

    if (!path) {
        c->no_memory = true;
        return;
    }
    /* Not from the cache: its verdicts may be older than the damage. */
    cairn_status st = segment_file_open(&f, path, seg->id, rec, SIZE_MAX, &err);
    if (st == CAIRN_ENOTFOUND)
        *vanished = true;
    else if (st == CAIRN_ENOMEM)
        c->no_memory = true;
    else if (st)
        problem(c, path, "file", "%s", err.text);
    if (!st && deep) {
        if (segment_verify(f, &err))
            problem(c, path, segment_damage(f) ? segment_damage(f) : "padding", "%s", err.text);
        else
            check_rows(c, seg, f);
    }
    if (!st)
        segment_release(f);
    free(path);
}

static cairn_status check_segments(check *c, bool deep, bool *vanished, cairn_error *err)
{
    store_manifest m = {0};
    cairn_status st = store_manifest_read(c->s, c->t, &m, false, err);

    if (st == CAIRN_ECORRUPT) {
        problem(c, c->t->path, "manifest", "%s", err ? err->text : "damaged");
        st = CAIRN_OK;
    }
    for (size_t i = 0; i < m.n && !st; i++) {
        bool missing = false;
        check_segment(c, &m.seg[i], &m.rec[i], deep, &missing);
        if (missing) {
            char *path = store_segment_path(c->s, m.seg[i].id, "seg");
            *vanished = true;
            problem(c, path ? path : c->s->segments_dir, "file", "it is missing");
            free(path);
        }
    }
    store_manifest_clear(&m);
    return st;
}

static cairn_status check_state(check *c, bool deep, bool *vanished, cairn_error *err)
{
    tree_totals totals;
    cairn_status st = tree_check(c->t, page_problem, c, &totals, err);

    if (!st && c->problems == 0) {
        st = store_read_state(c->t, &c->state, err);
        if (!st)
            st = check_records(c, err);
        if (st == CAIRN_ECORRUPT) {
            problem(c, c->t->path, "records", "%s", err->text);
            st = CAIRN_OK;
        }
    }
    if (!st)
        st = check_segments(c, deep, vanished, err);
    if (!st && c->no_memory)
        st = cairn_fail(err, CAIRN_ENOMEM, "check of %s", c->t->path);
    return st;
}

/* A writer in another process may drop a segment while we look; then the state we look at is no
 * longer the newest, and the check starts again, silently the first times. */
cairn_status local_check(store *s, bool deep, store_problem_fn *fn, void *ctx, cairn_error *err)
{
    cairn_error local = {0};
    cairn_status st = store_check_pid(s, &local);

    for (int attempt = 0; !st; attempt++) {
        store_snapshot view = {.s = s, .shared_lock = -1};
        bool vanished = false;
        st = store_follow_generation(s, &local);
        if (!st)
            st = env_pin(s->env, &view.pin, &local);
        if (st)
            break;
        check c = {.s = s, .t = &view.pin.tree, .fn = attempt < 3 ? NULL : fn, .ctx = ctx};
        arena_init(&c.scratch, (size_t)STORE_TEXT_MAX * 2);
        st = check_state(&c, deep, &vanished, &local);
        uint64_t looked_at = view.pin.tree.meta.txn;
        env_unpin(&view.pin);
        arena_clear(&c.scratch);
        if (st)
            break;
        if (c.problems == 0)
            return CAIRN_OK;
        if (attempt < 3) {
            /* Moved on meanwhile: look again. Otherwise once more, this time aloud. */
            bool moved = vanished && !env_pin(s->env, &view.pin, &local) &&
                         view.pin.tree.meta.txn != looked_at;
            env_unpin(&view.pin);
            if (!moved)
                attempt = 2;
            continue;
        }
        if (err)
            *err = c.first;
        return CAIRN_ECORRUPT;
    }
    if (st == CAIRN_ECORRUPT && fn)
        fn(ctx, &(store_problem){.file = s->env ? env_path(s->env) : s->dir,
                                 .part = "file",
                                 .text = local.text});
    if (err)
        *err = local;
    return st;
}

cairn_status local_usage_get(store *s, bool slow, store_usage *out, cairn_error *err)
{
    store_snapshot *snap;
    tree_totals totals;

    memset(out, 0, sizeof *out);
    cairn_status st = local_snapshot_open(s, &snap, err);
    if (st)
        return st;
    out->lmdb_bytes = env_file_bytes(snap->e);
    out->dictionaries = snap->state.dictionary;
    for (size_t i = 0; i < snap->manifest.n; i++)
        out->segment_bytes += snap->manifest.rec[i].file_bytes;
    const tree *t = &snap->pin.tree;
    if (slow) {
        st = tree_check(t, NULL, NULL, &totals, err);
        out->lmdb_free = totals.free * t->page_bytes;
    }
    record_key k = record_key_table(RECORD_CHUNK);
    tree_cursor c = {.end = true};
    if (!st && slow)
        st = tree_seek(&c, t, k.b, k.n, err);
    for (; !st && slow && !c.end && c.key[0] == RECORD_CHUNK; st = tree_next(&c, err)) {
        store_chunk chunk;
        record_text text;
        bool no_memory;
        if (c.value_len >= RECORD_SEAL &&
            record_get_chunk(c.value, c.value_len - RECORD_SEAL, &chunk, &text, NULL, &no_memory))
            out->stored_text += text.len;
    }
    local_snapshot_close(snap);
    return st;
}
